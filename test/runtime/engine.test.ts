import { expect, test } from "vitest";
import { listRuns } from "../../engine/store/read-models/runs.ts";
import { runDetail } from "../../engine/store/read-models/run-detail.ts";
import { dagSpec, taskSpec } from "../scenario/scenario.ts";
import { fleetForEachTest, type Fleet } from "./harness.ts";

const CHAIN = dagSpec([
  taskSpec("extract"),
  taskSpec("load", { dependsOn: ["extract"], operator: "token", retries: 1, retryDelayMs: 10 }),
  taskSpec("publish", { dependsOn: ["load"] }),
]);

let fleet: Fleet;

fleetForEachTest((made) => (fleet = made));

const states = async (): Promise<string[]> => (await listRuns(fleet.store, {})).map((run) => run.state);

test("a backfill of three days runs every task of every night once", async () => {
  const engine = await fleet.engine(CHAIN);
  await fleet.backfill(1, 3);
  await engine.settled();
  expect(await states()).toEqual(["success", "success", "success"]);
  expect(fleet.service.jobs.length).toBe(9);
  expect(fleet.errors).toEqual([]);
});

test("rule 17: lost replies leave one remote job per launch key", async () => {
  fleet.service.mishaps.set("extract", ["lost_reply"]);
  fleet.service.mishaps.set("load", ["lost_reply", "never_arrives"]);
  const engine = await fleet.engine(CHAIN);
  await fleet.backfill(1, 1);
  await engine.settled();
  expect(await states()).toEqual(["success"]);
  const keys = fleet.service.jobs.map((job) => job.launchKey);
  expect(new Set(keys).size).toBe(keys.length);
  expect(keys.length).toBe(3);
});

test("rule 16: a request that never arrived is sent again under the same key after the search", async () => {
  fleet.service.mishaps.set("extract", ["never_arrives"]);
  const engine = await fleet.engine(CHAIN);
  await fleet.backfill(1, 1);
  await engine.settled();
  expect(await states()).toEqual(["success"]);
  expect(fleet.service.jobsOf("extract").length).toBe(1);
});

test("throttling delays a launch and costs no attempt", async () => {
  fleet.service.mishaps.set("extract", ["throttled", "throttled", "throttled"]);
  const engine = await fleet.engine(CHAIN);
  await fleet.backfill(1, 1);
  await engine.settled();
  const [run] = await listRuns(fleet.store, {});
  const detail = await runDetail(fleet.store, "nightly", run?.dagRunId ?? "");
  expect(detail?.tasks.find((task) => task.taskId === "extract")).toMatchObject({ state: "success", tryNumber: 1 });
});

test("a failed job is tried again under a new key, and its failure and last log lines are kept", async () => {
  fleet.service.failures.set("load", 1);
  const engine = await fleet.engine(CHAIN);
  await fleet.backfill(1, 1);
  await engine.settled();
  const [run] = await listRuns(fleet.store, {});
  const detail = await runDetail(fleet.store, "nightly", run?.dagRunId ?? "");
  const load = detail?.tasks.find((task) => task.taskId === "load");
  expect(load?.attempts.map((attempt) => attempt.state)).toEqual(["failed", "succeeded"]);
  expect(load?.attempts[0]).toMatchObject({
    failure: { code: "JOB_FAILED", message: "exit 1" },
    logTail: ["last words"],
  });
  expect(new Set(fleet.service.jobsOf("load").map((job) => job.launchKey)).size).toBe(2);
});

test("rule 2: an engine that stops gives its row up, and the next one carries on with the same jobs", async () => {
  fleet.service.held.add("load");
  const first = await fleet.engine(CHAIN);
  await fleet.backfill(1, 2);
  await expect.poll(() => fleet.service.jobsOf("load").length).toBe(2);
  await first.stop();
  fleet.service.held.clear();
  const second = await fleet.engine(CHAIN);
  await second.settled();
  expect(await states()).toEqual(["success", "success"]);
  expect(fleet.service.jobs.length).toBe(6);
});

test("rule 1: of two engines one writes; when its row is taken away it stops writing, and the other goes on", async () => {
  fleet.service.held.add("load");
  const first = await fleet.engine(CHAIN);
  await fleet.backfill(1, 1);
  await expect.poll(() => fleet.service.jobsOf("load").length).toBe(1);
  const second = await fleet.engine(CHAIN);
  await fleet.store.pool.query(
    "UPDATE writer SET owner = 'usurper', epoch = epoch + 1, expires_at = clock_timestamp()",
  );
  fleet.service.held.clear();
  await Promise.race([first.settled(), second.settled()]);
  await expect.poll(states).toEqual(["success"]);
  expect(fleet.service.jobs.length).toBe(3);
});

test("rule 5: a flush whose answer is lost is not sent again: the engine reads everything anew and goes on", async () => {
  fleet.service.held.add("extract");
  const engine = await fleet.engine(CHAIN);
  await fleet.backfill(1, 1);
  await expect.poll(() => fleet.service.jobsOf("extract").length).toBe(1);
  await fleet.store.pool.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
  );
  fleet.service.held.clear();
  await engine.settled();
  expect(await states()).toEqual(["success"]);
  expect(fleet.service.jobs.length).toBe(3);
});

test("rule 7: a decision that throws quarantines its run and the others go on", async () => {
  const engine = await fleet.engine(CHAIN, (deps) => ({
    ...deps,
    prepare: (request) => {
      if (request.run.dagRunId.includes("2026-03-02")) throw new Error("a bug in rendering");
      return deps.prepare(request);
    },
  }));
  await fleet.backfill(1, 3);
  await engine.settled();
  const runs = await listRuns(fleet.store, {});
  expect(runs.map((run) => run.state).sort()).toEqual(["running", "success", "success"]);
  const { rows } = await fleet.store.pool.query<{ quarantine: string }>(
    "SELECT quarantine FROM dag_run WHERE quarantine IS NOT NULL",
  );
  expect(rows).toEqual([{ quarantine: "a bug in rendering" }]);
});

test("a refused launch fails at once with the service's words", async () => {
  fleet.service.mishaps.set("load", ["refused"]);
  const engine = await fleet.engine(CHAIN);
  await fleet.backfill(1, 1);
  await engine.settled();
  expect(await states()).toEqual(["failed"]);
  const [run] = await listRuns(fleet.store, {});
  const detail = await runDetail(fleet.store, "nightly", run?.dagRunId ?? "");
  const load = detail?.tasks.find((task) => task.taskId === "load");
  expect(load?.attempts[0]?.failure).toMatchObject({ code: "AWS_DENIED", message: "no glue:StartJobRun" });
});

test("reprocessing a finished night keeps its tries and launches under new keys", async () => {
  const engine = await fleet.engine(CHAIN);
  await fleet.backfill(1, 1);
  await engine.settled();
  await fleet.backfill(1, 1, 1, "completed");
  await engine.settled();
  expect(await states()).toEqual(["success"]);
  expect(new Set(fleet.service.jobs.map((job) => job.launchKey)).size).toBe(6);
});
