import { expect, test } from "vitest";
import type { World } from "../../engine/core/machine/world.ts";
import { Wishes } from "../../engine/runtime/wishes.ts";
import { newRunId } from "../../engine/runtime/ids.ts";
import { commandResult, enqueue, withdraw } from "../../engine/store/inbox.ts";
import { triggerRun } from "../../engine/store/trigger.ts";
import { dagSpec, taskSpec } from "../scenario/scenario.ts";
import { untilSo } from "../setup/until.ts";
import { fleetForEachTest, type Fleet } from "./harness.ts";

let fleet: Fleet;

fleetForEachTest((made) => (fleet = made));

const wish = (pool: string): Promise<string> => enqueue(fleet.store, { kind: "set_pool", pool, slots: 1, by: "test" });

/** An inbox whose flushes go as the test says. */
function inbox(loaded = new Set<string>()) {
  const flushes = { gathering: 1, landed: 0 };
  let woken: () => void;
  let wakes = new Promise<void>((resolve) => (woken = resolve));
  const world = { runs: new Map() } as unknown as World;
  const wishes = new Wishes(fleet.store, world, flushes, loaded, () => woken());
  const isWoken = async (): Promise<void> => {
    await wakes;
    wakes = new Promise((resolve) => (woken = resolve));
  };
  const looked = (): Promise<void> => {
    wishes.ring();
    return isWoken();
  };
  /** The ids that the next look that finds any has found, carried out. */
  const carriedOut = async (): Promise<string[]> => {
    await looked();
    const commands = wishes.take()?.commands ?? [];
    for (const command of commands) wishes.carried(command);
    return commands.map(({ id }) => id);
  };
  return { wishes, flushes, isWoken, looked, carriedOut };
}

test("rule 30: a wish that was carried out is not found again while its flush is under way", async () => {
  const first = await wish("a");
  const { wishes, carriedOut } = inbox();
  expect(await carriedOut()).toEqual([first]);
  const second = await wish("b");
  wishes.next();
  expect(await carriedOut()).toEqual([second]);
});

test("rule 30: a wish that its flush did not mark as applied is found again once that has landed", async () => {
  const first = await wish("a");
  const { wishes, flushes, carriedOut } = inbox();
  expect(await carriedOut()).toEqual([first]);
  wishes.next();
  flushes.landed = 1;
  expect(await carriedOut()).toEqual([first]);
});

test("rule 30: a ring while what was found is being carried out makes the next look follow by itself", async () => {
  const first = await wish("a");
  const { wishes, isWoken, carriedOut } = inbox();
  expect(await carriedOut()).toEqual([first]);
  const second = await wish("b");
  wishes.ring();
  expect(wishes.take()?.commands.map(({ id }) => id)).toEqual([first]);
  wishes.next();
  await isWoken();
  expect(wishes.take()?.commands.map(({ id }) => id)).toEqual([second]);
});

test("rule 5: a look that failed throws why when its term wants what it found", async () => {
  const { wishes, looked } = inbox();
  await fleet.store.pool.query("ALTER TABLE command RENAME TO elsewhere");
  await looked();
  expect(() => wishes.take()).toThrow(/"command" does not exist/);
});

/** A run that a request has made, and the wish to adopt it. */
async function triggered(): Promise<string> {
  const now = Date.now();
  const times = { intervalStartAt: null, intervalEndAt: null, runAfterAt: now, queuedAt: now };
  const run = { runId: newRunId(now), ...times, conf: {}, triggeredBy: "test", note: null };
  const request = { dagId: "nightly", dagRunId: "manual__1", isIdMade: false, logicalAt: null, idempotency: null };
  await triggerRun(fleet.store, request, () => ({ run }));
  return run.runId;
}

async function published(): Promise<void> {
  const engine = await fleet.engine(dagSpec([taskSpec("load")]));
  await engine.ready;
  await engine.stop();
}

test("rule 31: rows are read ahead of runs that nobody has known, and not of those that the term began with", async () => {
  await published();
  const runId = await triggered();
  for (const loaded of [new Set<string>(), new Set([runId])]) {
    const { wishes, looked } = inbox(loaded);
    await looked();
    expect([...(wishes.take()?.fresh.keys() ?? [])]).toEqual(loaded.size === 0 ? [runId] : []);
  }
});

test("rule 30: a run that was cancelled while nobody wrote is not begun before the wish is carried out", async () => {
  await published();
  const runId = await triggered();
  await enqueue(fleet.store, { kind: "cancel_run", runId, by: "test" });
  const engine = await fleet.engine(dagSpec([taskSpec("load")]));
  await engine.settled();
  expect(fleet.service.submits).toBe(0);
});

test("rule 30: a wish that is taken back after it was found does not end the term, and is not carried out", async () => {
  const engine = await fleet.engine(dagSpec([taskSpec("load")]));
  await engine.ready;
  const { pool } = fleet.store;
  const lock = await pool.connect();
  await lock.query("BEGIN; LOCK TABLE dag_run IN ACCESS EXCLUSIVE MODE");
  const slow = { kind: "cancel_run", runId: newRunId(0), by: "test" };
  const pause = { kind: "pause_dag", dagId: "nightly", isPaused: true, by: "test" };
  const both = "INSERT INTO command (body) SELECT * FROM unnest($1::jsonb[]) RETURNING id";
  const { rows } = await pool.query<{ id: string }>(both, [[slow, pause].map((body) => JSON.stringify(body))]);
  const waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
  await untilSo(async () => (await pool.query(waiting)).rowCount === 1);
  expect(await withdraw(fleet.store, rows[1]?.id ?? "")).toBe(true);
  await lock.query("ROLLBACK");
  lock.release();
  await engine.settled();
  expect(await commandResult(fleet.store, rows[0]?.id ?? "")).toMatchObject({ code: "RUN_NOT_FOUND" });
  expect((await pool.query("SELECT is_paused FROM dag")).rows).toEqual([{ is_paused: false }]);
  expect(fleet.errors).toEqual([]);
});

test("tasks go on while the inbox cannot be read", async () => {
  fleet.service.held.add("extract");
  const engine = await fleet.engine(dagSpec([taskSpec("extract"), taskSpec("load", { dependsOn: ["extract"] })]));
  await engine.ready;
  await fleet.backfill(1, 1);
  await untilSo(async () => fleet.service.jobsOf("extract").length === 1);
  const lock = await fleet.store.pool.connect();
  await lock.query("BEGIN; LOCK TABLE command IN ACCESS EXCLUSIVE MODE");
  const waiting = `SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%command%'`;
  await untilSo(async () => (await fleet.store.pool.query(waiting)).rowCount === 1);
  fleet.service.held.delete("extract");
  await untilSo(async () => fleet.service.jobsOf("load").length === 1);
  await lock.query("ROLLBACK");
  lock.release();
  await engine.settled();
  expect(fleet.errors).toEqual([]);
});
