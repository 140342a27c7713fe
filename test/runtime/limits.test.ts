import { expect, test } from "vitest";
import type { DagSpec } from "../../engine/core/dag.ts";
import type { JsonObject } from "../../engine/core/json.ts";
import { dagRunIdFor } from "../../engine/core/schedule/runs.ts";
import { newRunId } from "../../engine/runtime/ids.ts";
import { listRuns } from "../../engine/store/read-models/runs.ts";
import { triggerRun } from "../../engine/store/trigger.ts";
import { dagSpec, taskSpec } from "../scenario/scenario.ts";
import { fleetForEachTest, type Fleet } from "./harness.ts";

let fleet: Fleet;

fleetForEachTest((made) => (fleet = made));

/** Somebody triggers a run for a day of March 2026. */
async function trigger(day: number, conf: JsonObject = {}): Promise<void> {
  const logicalAt = Date.UTC(2026, 2, day);
  const now = Date.now();
  const dagRunId = dagRunIdFor("manual", logicalAt);
  const outcome = await triggerRun<never>(
    fleet.store,
    { dagId: "nightly", dagRunId, isIdMade: false, logicalAt, idempotency: null },
    () => ({
      run: {
        runId: newRunId(now),
        intervalStartAt: logicalAt,
        intervalEndAt: logicalAt,
        runAfterAt: logicalAt,
        conf,
        queuedAt: now,
        triggeredBy: "test",
        note: null,
      },
    }),
  );
  expect(outcome.kind).toBe("triggered");
}

const states = async (): Promise<string[]> => {
  const runs = await listRuns(fleet.store, {});
  return runs.sort((a, b) => (a.logicalAt ?? 0) - (b.logicalAt ?? 0)).map(({ state }) => state);
};

const PAST: DagSpec = { ...dagSpec([taskSpec("load", { dependsOnPast: true })]), maxActiveRuns: 10 };

/** When each job of the task was asked for and had ended, by the runs' dates. */
async function spans(): Promise<{ intent_at: Date; ended_at: Date }[]> {
  const { rows } = await fleet.store.pool.query<{ intent_at: Date; ended_at: Date }>(
    "SELECT intent_at, attempt.ended_at FROM attempt JOIN dag_run USING (run_id) ORDER BY logical_at",
  );
  return rows;
}

test("depends_on_past: over real rows the days go one after the other, although all of them run", async () => {
  const engine = await fleet.engine(PAST);
  await fleet.backfill(1, 4, 4, "completed");
  await engine.settled();
  expect(await states()).toEqual(["success", "success", "success", "success"]);
  const jobs = await spans();
  for (const [index, { intent_at: at }] of jobs.entries()) {
    if (index > 0) expect(Number(at)).toBeGreaterThanOrEqual(Number(jobs[index - 1]?.ended_at));
  }
  expect(fleet.errors).toEqual([]);
});

test("depends_on_past: what was waiting waits on after a restart, and goes on with the run before it", async () => {
  fleet.service.held.add("load");
  const first = await fleet.engine(PAST);
  await fleet.backfill(1, 3, 3, "completed");
  await expect.poll(() => fleet.service.jobs.length).toBe(1);
  await expect.poll(states).toEqual(["running", "running", "running"]);
  await first.stop();
  fleet.service.held.clear();
  const second = await fleet.engine(PAST);
  await second.settled();
  expect(await states()).toEqual(["success", "success", "success"]);
  expect(fleet.service.jobs.length).toBe(3);
});

test("depends_on_past: a run that ended before the engine started is read from its rows", async () => {
  fleet.service.failures.set("load", 1);
  const first = await fleet.engine(PAST);
  await first.ready;
  await trigger(1);
  await first.settled();
  await first.stop();
  const second = await fleet.engine(PAST);
  await second.ready;
  await trigger(2);
  await expect.poll(states).toEqual(["failed", "running"]);
  expect(fleet.service.jobs.length).toBe(1);
});

test("max_consecutive_failed_runs: the pause is in the database with the run that brought it about", async () => {
  fleet.service.failures.set("load", 2);
  const spec = { ...dagSpec([taskSpec("load")]), maxConsecutiveFailedRuns: 2 };
  const notify = [{ email: ["ops@example.com"], on: ["dag_paused" as const] }];
  const engine = await fleet.engine({ ...spec, notify });
  await engine.ready;
  await trigger(1);
  await trigger(2);
  await trigger(3);
  await expect.poll(states).toEqual(["failed", "failed", "queued"]);
  const { rows } = await fleet.store.pool.query("SELECT is_paused, failed_runs FROM dag");
  expect(rows).toEqual([{ is_paused: true, failed_runs: 2 }]);
  const mails = await fleet.store.pool.query("SELECT kind, subject FROM outbox");
  expect(mails.rows).toEqual([{ kind: "dag_paused", subject: "nightly is paused: its last 2 runs have failed" }]);
});

test("concurrency_key: a triggered run is kept with its key, and those of one key run one after the other", async () => {
  const concurrencyKey = { key: "region", onConflict: "queue" as const };
  const engine = await fleet.engine({ ...dagSpec([taskSpec("load")]), maxActiveRuns: 10, concurrencyKey });
  await engine.ready;
  fleet.service.held.add("load");
  for (const [day, region] of ["eu", "eu", "us"].entries()) await trigger(day + 1, { region });
  await expect.poll(states).toEqual(["running", "queued", "running"]);
  const { rows } = await fleet.store.pool.query("SELECT concurrency_key FROM dag_run ORDER BY logical_at");
  expect(rows.map((row: { concurrency_key: string }) => row.concurrency_key)).toEqual(["eu", "eu", "us"]);
  fleet.service.held.clear();
  await engine.settled();
  expect(await states()).toEqual(["success", "success", "success"]);
});

test("concurrency_key with skip: the run that was left out says whose key it was", async () => {
  const concurrencyKey = { key: "one", onConflict: "skip" as const };
  const engine = await fleet.engine({ ...dagSpec([taskSpec("load")]), maxActiveRuns: 10, concurrencyKey });
  await engine.ready;
  fleet.service.held.add("load");
  await trigger(1);
  await expect.poll(states).toEqual(["running"]);
  await trigger(2);
  await expect.poll(states).toEqual(["running", "failed"]);
  const { rows } = await fleet.store.pool.query("SELECT ending FROM dag_run WHERE state = 'failed'");
  expect(rows).toMatchObject([{ ending: { cause: "skip", by: "engine" } }]);
});
