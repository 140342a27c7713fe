import { expect, test } from "vitest";
import type { DagSpec } from "../../engine/core/dag.ts";
import { newRunId } from "../../engine/runtime/ids.ts";
import { commandResult, enqueue } from "../../engine/store/inbox.ts";
import { triggerRun } from "../../engine/store/trigger.ts";
import { dagSpec, taskSpec } from "../scenario/scenario.ts";
import { untilSo } from "../setup/until.ts";
import { fleetForEachTest, type Fleet } from "./harness.ts";

let fleet: Fleet;

fleetForEachTest((made) => (fleet = made));

const rows = async <T>(sql: string, values: unknown[] = []): Promise<T[]> =>
  (await fleet.store.pool.query(sql, values)).rows as T[];
const stateOf = async (runId: string): Promise<string | undefined> =>
  (await rows<{ state: string }>("SELECT state FROM dag_run WHERE run_id = $1", [runId]))[0]?.state;

/** What the API does for a request; answers the run's id. */
async function trigger(dagRunId: string): Promise<string> {
  const now = Date.now();
  const times = { intervalStartAt: null, intervalEndAt: null, runAfterAt: now, queuedAt: now };
  const run = { runId: newRunId(now), ...times, conf: {}, triggeredBy: "test", note: null };
  const request = { dagId: "nightly", dagRunId, isIdMade: false, logicalAt: null, idempotency: null };
  const outcome = await triggerRun(fleet.store, request, () => ({ run }));
  expect(outcome.kind).toBe("triggered");
  return run.runId;
}

const spec = dagSpec([taskSpec("load")]);

async function published(version: DagSpec): Promise<void> {
  const engine = await fleet.engine(version);
  await engine.ready;
  await engine.stop();
}

/** A run that a request has inserted and no writer knows of: each has loaded everything before. */
async function unknownRun(now = spec): Promise<string> {
  await published(spec);
  const runId = await trigger("manual__unknown");
  await rows("UPDATE dag_run SET state = 'success', started_at = now(), ended_at = now() WHERE run_id = $1", [runId]);
  await rows("UPDATE command SET state = 'withdrawn', ended_at = now()");
  if (now !== spec) await published(now);
  const next = await fleet.engine(now);
  await next.ready;
  await rows("UPDATE dag_run SET state = 'queued', started_at = NULL, ended_at = NULL WHERE run_id = $1", [runId]);
  return runId;
}

test("rule 31: a run stays of the version that its request saw, though the writer has only read the next one", async () => {
  const runId = await unknownRun({ ...spec, description: "the next version" });
  await enqueue(fleet.store, { kind: "adopt_run", runId, by: "test" });
  await untilSo(async () => (await stateOf(runId)) === "success");
  expect(fleet.errors).toEqual([]);
});

test("rule 31: a connection that breaks while a triggered run is read loses nothing: the wish stays until it is done", async () => {
  const runId = await unknownRun();
  const lock = await fleet.store.pool.connect();
  await lock.query("BEGIN");
  await lock.query("LOCK TABLE dag_run IN ACCESS EXCLUSIVE MODE");
  await enqueue(fleet.store, { kind: "adopt_run", runId, by: "test" });
  const broken =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
  await untilSo(async () => (await rows(broken)).length > 0);
  await lock.query("ROLLBACK");
  lock.release();
  await untilSo(async () => (await stateOf(runId)) === "success");
});

test("rule 7: a wish to adopt a run that has been put aside does not bring it back", async () => {
  await published(spec);
  const runId = await trigger("manual__aside");
  await rows("UPDATE dag_run SET quarantine = 'broken' WHERE run_id = $1", [runId]);
  const next = await fleet.engine(spec);
  await next.ready;
  await untilSo(async () => (await rows("SELECT FROM command WHERE state = 'pending'")).length === 0);
  const wish = await enqueue(fleet.store, { kind: "adopt_run", runId, by: "test" });
  await untilSo(async () => (await commandResult(fleet.store, wish))?.ok === true);
  await next.settled();
  expect(await stateOf(runId)).toBe("queued");
  expect(fleet.service.jobs).toEqual([]);
});
