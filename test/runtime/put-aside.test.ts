import { randomUUID } from "node:crypto";
import { expect, test, vi } from "vitest";
import { RunDraft } from "../../engine/core/machine/run-draft.ts";
import type { EngineDeps } from "../../engine/runtime/deps.ts";
import { commandResult, enqueue } from "../../engine/store/inbox.ts";
import { listRuns } from "../../engine/store/read-models/runs.ts";
import { dagSpec, taskSpec } from "../scenario/scenario.ts";
import { fleetForEachTest, type Fleet } from "./harness.ts";

let fleet: Fleet;

fleetForEachTest((made) => (fleet = made));

const ONE = dagSpec([taskSpec("extract")]);
const states = async (): Promise<string[]> => (await listRuns(fleet.store, {})).map((run) => run.state).sort();
const failing =
  (message: string) =>
  (deps: EngineDeps): EngineDeps => ({
    ...deps,
    prepare: () => ({ kind: "refused", failure: { class: "permanent", code: "TEMPLATE_FAILED", message } }),
  });

test("a task whose parameters cannot be rendered fails with its reason, and its run ends", async () => {
  await fleet.engine(ONE, failing("no such output"));
  await fleet.backfill(1, 1);
  await expect.poll(states).toEqual(["failed"]);
});

test("rule 7: a run whose first flush the database refuses is put aside and the engine goes on", async () => {
  await fleet.store.pool.query("ALTER TABLE attempt ADD CONSTRAINT poison CHECK (intent_at < '2000-01-01')");
  await fleet.engine(ONE);
  await fleet.backfill(1, 1);
  const quarantined = async (): Promise<number> =>
    (await fleet.store.pool.query("SELECT FROM dag_run WHERE quarantine IS NOT NULL")).rowCount ?? 0;
  await expect.poll(quarantined).toBe(1);
});

test("two backfills of the same night that wait together make one run, and both are answered", async () => {
  await fleet.backfill(1, 1);
  await fleet.backfill(1, 1);
  await fleet.engine(ONE);
  await expect.poll(states).toEqual(["success"]);
});

test("a backfill that comes while another of its DAG is under way is refused and leaves none of its nights waiting", async () => {
  const engine = await fleet.engine(ONE);
  await fleet.backfill(1, 3);
  await engine.settled();
  await engine.stop();
  await fleet.backfill(1, 3, 1, "completed");
  await fleet.backfill(1, 1, 1, "completed");
  await fleet.engine(ONE);
  const ended = async (): Promise<number> =>
    (await fleet.store.pool.query("SELECT FROM backfill WHERE state = 'completed'")).rowCount ?? 0;
  await expect.poll(ended).toBe(2);
  expect(await states()).toEqual(["success", "success", "success"]);
});

test("a backfill that is asked for twice under one id is answered twice and made once", async () => {
  const backfillId = randomUUID();
  const dates = { fromDate: "2026-03-01", toDate: "2026-03-01" };
  const backfill = { backfillId, dagId: "nightly", ...dates, maxActiveRuns: 1, reprocess: "none", conf: {} } as const;
  const engine = await fleet.engine(ONE);
  await enqueue(fleet.store, { kind: "backfill", backfill, by: "test" });
  await engine.settled();
  const second = await enqueue(fleet.store, { kind: "backfill", backfill, by: "test" });
  await expect.poll(() => commandResult(fleet.store, second)).not.toBeNull();
});

test("a night runs again on a version of the DAG that has gained a task", async () => {
  const first = await fleet.engine(ONE);
  await fleet.backfill(1, 1);
  await first.settled();
  await first.stop();
  await fleet.engine(dagSpec([taskSpec("extract"), taskSpec("load", { dependsOn: ["extract"] })]));
  await fleet.backfill(1, 1, 1, "completed");
  await expect.poll(() => fleet.service.jobsOf("load").length).toBe(1);
  await expect.poll(states).toEqual(["success"]);
});

test("rule 11: a released run is looked after again: jobs that ended while it was put aside are seen", async () => {
  fleet.service.held.add("extract");
  let isBroken = true;
  const both = dagSpec([taskSpec("extract"), taskSpec("other"), taskSpec("load", { dependsOn: ["other"] })]);
  const engine = await fleet.engine(both, (deps) => ({
    ...deps,
    prepare: (request) => {
      if (isBroken && request.task.taskId === "load") throw new Error("a bug in rendering");
      return deps.prepare(request);
    },
  }));
  await fleet.backfill(1, 1);
  const quarantined = async (): Promise<string[]> =>
    (
      await fleet.store.pool.query<{ run_id: string }>("SELECT run_id FROM dag_run WHERE quarantine IS NOT NULL")
    ).rows.map((row) => row.run_id);
  await expect.poll(async () => (await quarantined()).length).toBe(1);
  await engine.stop();
  const [runId = ""] = await quarantined();
  isBroken = false;
  fleet.service.held.clear();
  await fleet.engine(both);
  await enqueue(fleet.store, { kind: "release_run", runId, by: "test" });
  await expect.poll(states).toEqual(["success"]);
});

test("rule 23: a run that was put aside is not told to be cancelled while its job runs on", async () => {
  fleet.service.held.add("extract");
  const engine = await fleet.engine(ONE);
  await fleet.backfill(1, 1);
  await expect.poll(() => fleet.service.jobs.length).toBe(1);
  await engine.stop();
  await fleet.store.pool.query("UPDATE dag_run SET quarantine = 'by hand'");
  const [run] = await listRuns(fleet.store, {});
  await fleet.engine(ONE);
  const id = await enqueue(fleet.store, { kind: "cancel_run", runId: run?.runId ?? "", by: "test" });
  await expect.poll(() => commandResult(fleet.store, id)).not.toBeNull();
  const result = await commandResult(fleet.store, id);
  if (result?.ok === true) await expect.poll(() => fleet.service.jobs[0]?.state).toBe("stopped");
});

test("rule 7: a person whose wish meets a bug is told so, the run is put aside and the others go on", async () => {
  fleet.service.held.add("extract");
  await fleet.engine(ONE);
  await fleet.backfill(1, 1);
  await expect.poll(() => fleet.service.jobs.length).toBe(1);
  await expect.poll(states).toEqual(["running"]);
  const [run] = await listRuns(fleet.store, {});
  const bug = vi.spyOn(RunDraft.prototype, "attempt").mockImplementation(() => {
    throw new Error("a bug");
  });
  const id = await enqueue(fleet.store, { kind: "cancel_run", runId: run?.runId ?? "", by: "test" });
  await expect.poll(() => commandResult(fleet.store, id)).toMatchObject({ ok: false, code: "INTERNAL" });
  bug.mockRestore();
  expect((await listRuns(fleet.store, {}))[0]?.quarantine).toBe("a bug");
});
