import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { cleanJson } from "../core/clean-text.ts";
import type { Json } from "../core/json.ts";
import type { Command, CommandBody, CommandResult } from "../core/commands.ts";
import { openClient } from "./connect.ts";
import type { Store } from "./open.ts";

/** One fleet's channel, as long as Postgres allows: should two long names meet, one is woken for nothing. */
const channel = (store: Store): string => `nocturne_${store.fleet}`.slice(0, 63);

/**
 * Puts a wish into the inbox and wakes the writer; answers the command's id. The wake-up is a statement of its own: when it
 * is lost, the writer's timer finds the command (protocol rule 30).
 */
export async function enqueue(store: Store, body: CommandBody): Promise<string> {
  const text = JSON.stringify(cleanJson(body as unknown as Json));
  const { id } = await store.db.insertInto("command").values({ body: text }).returning("id").executeTakeFirstOrThrow();
  await wakeWriter(store);
  return id;
}

/** Whoever listens in this process, by fleet: woken at once, and not again by this process's own notification. */
const listenersHere = new Map<string, Set<() => void>>();
const fleetOf = ({ settings }: Store): string => JSON.stringify([settings.databaseUrl, settings.fleet]);
const ME = randomUUID();

const wakeHere = (store: Store): void => listenersHere.get(fleetOf(store))?.forEach((wake) => wake());

/** A lost wake-up costs the second that the writer's timer takes. */
const wakeWriter = async (store: Store): Promise<void> => {
  wakeHere(store);
  await notify(store);
};

/** For the writer in another process. */
const notify = async (store: Store): Promise<void> => {
  await sql`SELECT pg_notify(${channel(store)}, ${ME})`.execute(store.db).catch(() => undefined);
};

/** A notification takes a lock of the whole server at its commit: so many wishes share one. */
const SHARED_WAKE_MS = 50;
const beingWoken = new WeakMap<Store, { isAgain: boolean }>();

/**
 * Wakes the writer without waiting for it: at once where it is in this process, elsewhere at most twenty times a second, the
 * first wish of a burst at once.
 */
export function wakeWriterSoon(store: Store): void {
  wakeHere(store);
  notifySoon(store);
}

function notifySoon(store: Store): void {
  const waking = beingWoken.get(store);
  if (waking) {
    waking.isAgain = true;
    return;
  }
  beingWoken.set(store, { isAgain: false });
  void notify(store);
  setTimeout(() => {
    const isAgain = beingWoken.get(store)?.isAgain === true;
    beingWoken.delete(store);
    if (isAgain) notifySoon(store);
  }, SHARED_WAKE_MS).unref();
}

/** So many are read at once (protocol rule 30). */
const MOST_READ = 500;

/** What waits, oldest first, but for these. */
export async function pendingCommands(store: Store, except: readonly string[] = []): Promise<Command[]> {
  return store.db
    .selectFrom("command")
    .select(["id", "body"])
    .where(sql<boolean>`state = 'pending' AND id <> ALL (${except}::bigint[])`)
    .orderBy("id")
    .limit(MOST_READ)
    .execute();
}

/** Whether nobody has taken it back, or carried it out. */
export async function isPending(store: Store, id: string): Promise<boolean> {
  const { rowCount } = await store.pool.query("SELECT FROM command WHERE id = $1 AND state = 'pending'", [id]);
  return rowCount === 1;
}

/**
 * Takes a wish back. true: nothing of it was or will be done. false: the writer has applied it or is just doing so, and its
 * result follows.
 */
export async function withdraw(store: Store, id: string): Promise<boolean> {
  const { rowCount } = await store.pool.query(
    "UPDATE command SET state = 'withdrawn', ended_at = clock_timestamp() WHERE id = $1 AND state = 'pending'",
    [id],
  );
  return rowCount === 1;
}

/** null: still pending, withdrawn, or unknown. */
export async function commandResult(store: Store, id: string): Promise<CommandResult | null> {
  const row = await store.db.selectFrom("command").select("result").where("id", "=", id).executeTakeFirst();
  return row?.result ?? null;
}

/** How long a broken listener waits before it connects again; the writer's timer serves meanwhile. */
const RECONNECT_MS = 1_000;

/** Calls `onWake` when a command may have come in. Reconnects by itself, and then wakes once for what it may have missed. */
export async function listenForCommands(store: Store, onWake: () => void): Promise<{ close(): Promise<void> }> {
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  const fleet = fleetOf(store);
  const here = listenersHere.get(fleet) ?? new Set();
  listenersHere.set(fleet, here);
  let client = await listen();
  here.add(onWake);

  async function listen() {
    const fresh = await openClient(store.settings);
    try {
      await fresh.query(`LISTEN ${fresh.escapeIdentifier(channel(store))}`);
    } catch (error) {
      await fresh.end().catch(() => undefined);
      throw error;
    }
    fresh.on("notification", ({ payload }) => {
      if (payload !== ME) onWake();
    });
    fresh.once("end", again);
    return fresh;
  }

  function again(): void {
    if (isClosed) return;
    timer = setTimeout(() => {
      listen().then((fresh) => {
        client = fresh;
        if (isClosed) void client.end();
        else onWake();
      }, again);
    }, RECONNECT_MS);
  }

  return {
    close: async () => {
      isClosed = true;
      here.delete(onWake);
      clearTimeout(timer);
      await client.end();
    },
  };
}
