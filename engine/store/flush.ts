import type pg from "pg";
import type { Instant } from "../core/json.ts";
import type { FlushBatch } from "../core/flush-batch.ts";
import { openClient } from "./connect.ts";
import { COMMANDS, FENCE, ROWS, VERSION, versionValues, type FlushStatement } from "./flush-statements.ts";
import type { Store } from "./open.ts";
import type { Fence } from "./writer-row.ts";

/** A connection of its own for flushes: pipelined, with every statement prepared. At most one flush is under way on it. */
export interface FlushSession {
  readonly client: pg.Client;
  close(): Promise<void>;
}

export type FlushOutcome =
  /** `now` is Postgres's clock in the flush. */
  | { readonly kind: "committed"; readonly now: Instant }
  /** The writer's row is no longer ours; nothing was written. */
  | { readonly kind: "fenced" }
  /** A row was not as remembered; rolled back, acknowledged. */
  | { readonly kind: "conflict"; readonly message: string }
  /** The data itself was refused (SQLSTATE class 22 or 23); rolled back, acknowledged. */
  | { readonly kind: "bad_data"; readonly sqlstate: string; readonly message: string };

/** A row is not as remembered: assert_rows says so, or a row that was to be new is there. */
const ROWS_DIFFER = new Set(["NC001", "23505"]);

export async function openFlushSession(store: Store): Promise<FlushSession> {
  const client = await openClient(store.settings, { pipeline: true });
  try {
    await client.query(PLANS);
    await prepareAll(client);
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  return { client, close: () => client.end() };
}

/**
 * One plan for each statement, by its index, whatever the statistics say: a plan for each flush would look at every month of
 * runs (64 months: 4 ms a statement instead of 0.3), and one made for empty tables would read them whole when they are full.
 */
const PLANS = `SET jit = off; SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off;
  SET enable_mergejoin = off`;

/**
 * Every statement runs once with no rows, so that all are parsed: a statement parsed first behind one that failed would
 * never be, while the driver believes it was.
 */
async function prepareAll(client: pg.Client): Promise<void> {
  const all = [COMMANDS, ...ROWS].map(({ name, text, none }) => client.query({ name, text, values: none }));
  await Promise.all([client.query({ name: "flush_fence", text: FENCE, values: ["-1", ""] }), ...all]);
}

/**
 * Writes a batch in one transaction, or nothing of it (protocol rule 4). Never sent again: anything that Postgres did not
 * acknowledge throws, the session is then closed, and the caller takes its own row again and reloads (rule 5). `departed` is
 * called once all of it is on its way.
 */
export async function flush(
  session: FlushSession,
  fence: Fence,
  batch: FlushBatch,
  departed: () => void = () => undefined,
): Promise<FlushOutcome> {
  const queries = queriesOf(batch);
  try {
    return await write(session.client, fence, queries, departed);
  } catch (error) {
    // Ends the connection, and with it a transaction that may still be open.
    await session.close().catch(() => undefined);
    throw error;
  }
}

function queriesOf(batch: FlushBatch): pg.QueryConfig[] {
  const filled = (statement: FlushStatement): pg.QueryConfig[] => {
    const values = statement.values(batch);
    return values === null ? [] : [{ name: statement.name, text: statement.text, values }];
  };
  const versions = batch.versions.map((version) => ({ text: VERSION, values: versionValues(version) }));
  return [...filled(COMMANDS), ...versions, ...ROWS.flatMap(filled)];
}

async function write(
  client: pg.Client,
  fence: Fence,
  queries: readonly pg.QueryConfig[],
  departed: () => void,
): Promise<FlushOutcome> {
  // One round trip by itself: were BEGIN to fail (a cancel, a limit), what follows in the pipe would commit statement by
  // statement and unfenced.
  const [, locked] = await Promise.all([
    client.query("BEGIN ISOLATION LEVEL READ COMMITTED"),
    client.query<{ now: number }>({ name: "flush_fence", text: FENCE, values: [fence.epoch, fence.owner] }),
  ]);
  const [held] = locked.rows;
  if (!held) {
    await client.query("ROLLBACK");
    return { kind: "fenced" };
  }
  const sent = together(client, [...queries, { text: "COMMIT" }]);
  departed();
  const results = await Promise.allSettled(sent);
  const commit = results.at(-1);
  if (commit?.status !== "fulfilled") throw commit?.reason;
  if (commit.value.command === "COMMIT") return { kind: "committed", now: held.now };
  // After an error the answer to COMMIT is ROLLBACK: acknowledged, nothing was written.
  const failed = results.find((result) => result.status === "rejected");
  return refusal(failed?.reason);
}

/** What the driver writes to. */
interface Corked {
  cork(): void;
  uncork(): void;
}

/** Into the pipe at one go: one system call for a flush, and not two for each of its statements. */
function together(client: pg.Client, queries: readonly pg.QueryConfig[]): Promise<pg.QueryResult>[] {
  const { stream } = (client as unknown as { readonly connection: { readonly stream: Corked } }).connection;
  stream.cork();
  try {
    return queries.map((query) => client.query(query));
  } finally {
    stream.uncork();
  }
}

function refusal(reason: unknown): FlushOutcome {
  const { code: sqlstate = "", message } = reason as pg.DatabaseError;
  if (ROWS_DIFFER.has(sqlstate)) return { kind: "conflict", message };
  if (/^2[23]/.test(sqlstate)) return { kind: "bad_data", sqlstate, message };
  throw reason;
}
