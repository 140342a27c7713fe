import { expect, test } from "vitest";
import type { CommandBody, CommandResult, PeopleBody } from "../../engine/core/commands.ts";
import { auditPage, type AuditRow } from "../../engine/store/read-models/audit.ts";
import { commandResult, enqueue } from "../../engine/store/inbox.ts";
import { peoplePreview } from "../../engine/store/read-models/people-preview.ts";
import { runDetail } from "../../engine/store/read-models/run-detail.ts";
import { listRuns } from "../../engine/store/read-models/runs.ts";
import { dagSpec, taskSpec } from "../scenario/scenario.ts";
import { fleetForEachTest, type Fleet } from "./harness.ts";

let fleet: Fleet;

fleetForEachTest((made) => (fleet = made));

const TWO = dagSpec([taskSpec("extract"), taskSpec("load", { dependsOn: ["extract"] })]);
const states = async (): Promise<string[]> => (await listRuns(fleet.store, {})).map((run) => run.state);
const onlyRun = async (): Promise<string> => (await listRuns(fleet.store, {}))[0]?.runId ?? "";

/** What the writer answers to a person's word. */
async function say(
  body: PeopleBody | Omit<Extract<CommandBody, { kind: "cancel_run" }>, "by">,
): Promise<CommandResult> {
  const id = await enqueue(fleet.store, { ...body, by: "cli:ana", from: "desk" });
  await expect.poll(() => commandResult(fleet.store, id)).not.toBeNull();
  return (await commandResult(fleet.store, id)) as CommandResult;
}

const audit = async (): Promise<readonly AuditRow[]> =>
  (await auditPage(fleet.store, { limit: 100, offset: 0, orderBy: [], visible: ["*"] })).rows;

const tasks = (...names: string[]) => ({ tasks: names.map((task) => ({ task, mapIndex: null })) });

/** One night, which has ended. */
async function ended(spec = TWO): Promise<string> {
  const engine = await fleet.engine(spec);
  await fleet.backfill(1, 1);
  await engine.settled();
  return onlyRun();
}

test("a task of a run that has ended is cleared: it and its run go on, and the audit log says who, from where and what", async () => {
  fleet.service.failures.set("load", 1);
  const runId = await ended();
  expect(await states()).toEqual(["failed"]);
  const result = await say({ kind: "clear_tasks", runId, wish: tasks("load") });
  expect(result).toMatchObject({ ok: true, value: { count: 1, tasks: [{ task_id: "load", map_index: -1 }] } });
  await expect.poll(states).toEqual(["success"]);
  expect(fleet.service.jobsOf("load")).toHaveLength(2);
  expect(fleet.service.jobsOf("extract")).toHaveLength(1);
  expect((await audit()).find(({ action }) => action === "clear_tasks")).toMatchObject({
    ...{ by: "cli:ana", from: "desk", dagId: "nightly", runId, result: "done" },
    details: { wish: tasks("load"), answer: { count: 1 } },
  });
});

test("what is refused is in the audit log with its code, and nothing is done", async () => {
  const runId = await ended();
  const result = await say({ kind: "clear_tasks", runId, wish: tasks("lod") });
  expect(result).toMatchObject({ ok: false, code: "TASK_NOT_FOUND" });
  if (!result.ok) expect(result.message).toContain("did you mean load?");
  expect((await audit()).at(-1)).toMatchObject({ action: "clear_tasks", result: "TASK_NOT_FOUND" });
  expect(await states()).toEqual(["success"]);
});

test("rule 23: clearing a running task stops its job, and two clears at once make one fresh start", async () => {
  fleet.service.held.add("extract");
  await fleet.engine(TWO);
  await fleet.backfill(1, 1);
  await expect.poll(() => fleet.service.jobs.length).toBe(1);
  const runId = await onlyRun();
  const wish = tasks("extract");
  const both = await Promise.all([
    say({ kind: "clear_tasks", runId, wish }),
    say({ kind: "clear_tasks", runId, wish }),
  ]);
  expect(both.map(({ ok }) => ok)).toEqual([true, true]);
  await expect.poll(() => fleet.service.jobs.map(({ state }) => state)).toEqual(["stopped", "running"]);
  fleet.service.held.clear();
  await expect.poll(states).toEqual(["success"]);
  expect(fleet.service.jobsOf("extract")).toHaveLength(2);
});

test("rule 23: a job that does not stop is abandoned: its task goes on, and it is watched until it ends", async () => {
  fleet.service.held.add("extract").add("load");
  fleet.service.deaf.add("extract");
  const engine = await fleet.engine(TWO);
  await fleet.backfill(1, 1);
  await expect.poll(() => fleet.service.jobs.length).toBe(1);
  const runId = await onlyRun();
  expect(await say({ kind: "abandon_tasks", runId, wish: tasks("extract") })).toMatchObject({ code: "ACTION_REFUSED" });
  await say({ kind: "mark_tasks", runId, wish: tasks("extract"), state: "success" });
  expect(await say({ kind: "abandon_tasks", runId, wish: tasks("extract") })).toMatchObject({ ok: true });
  await expect.poll(() => fleet.service.jobsOf("load").length).toBe(1);
  await engine.stop();
  await fleet.engine(TWO);
  const [job] = fleet.service.jobsOf("extract");
  if (job) job.state = "failed";
  const attempt = async () =>
    (await fleet.store.pool.query<object>("SELECT state, failure_code FROM attempt WHERE ref = '\"job-0\"'")).rows;
  await expect.poll(attempt).toEqual([{ state: "failed", failure_code: "JOB_FAILED" }]);
});

test("rule 24: a task adopts a foreign job, one that looks like the operator's own", async () => {
  fleet.service.failures.set("extract", 1);
  const runId = await ended();
  fleet.service.jobs.push({ id: "foreign", launchKey: "", taskId: "extract", state: "running" });
  const clear = { kind: "clear_tasks", runId, wish: tasks("extract") } as const;
  expect(await say({ ...clear, adopts: { arn: "x" } })).toMatchObject({ code: "ACTION_INVALID" });
  expect(await say({ ...clear, wish: { tasks: null }, adopts: "foreign" })).toMatchObject({ code: "ACTION_INVALID" });
  const before = fleet.service.submits;
  expect(await say({ ...clear, adopts: "foreign" })).toMatchObject({ ok: true });
  await expect
    .poll(async () => (await runDetail(fleet.store, "nightly", "backfill__2026-03-01T00:00:00+00:00"))?.tasks[0]?.state)
    .toBe("success");
  expect(fleet.service.submits).toBe(before);
});

test("rule 28: a clear keeps the run's version, or puts the whole run on the latest", async () => {
  fleet.service.failures.set("load", 1);
  const first = await fleet.engine(TWO);
  await fleet.backfill(1, 1);
  await first.settled();
  await first.stop();
  const runId = await onlyRun();
  const three = dagSpec([taskSpec("extract"), taskSpec("clean", { dependsOn: ["extract"] })]);
  await fleet.engine(three);
  await expect
    .poll(async () => {
      const preview = await peoplePreview(fleet.store, runId, { tasks: null }, { clears: true, onLatest: true });
      return "tasks" in preview && [preview.latestNumber, preview.tasks.map(({ taskId }) => taskId)];
    })
    .toEqual([2, ["extract"]]);
  expect(await say({ kind: "clear_tasks", runId, wish: tasks("clean") })).toMatchObject({ code: "TASK_NOT_FOUND" });
  expect(await say({ kind: "clear_tasks", runId, wish: tasks("extract"), onLatest: true })).toMatchObject({ ok: true });
  await expect.poll(states).toEqual(["success"]);
  const detail = await runDetail(fleet.store, "nightly", "backfill__2026-03-01T00:00:00+00:00");
  expect(detail?.tasks.map(({ taskId, state }) => `${taskId} ${state}`)).toEqual([
    "extract success",
    "load removed",
    "clean success",
  ]);
  expect(fleet.service.jobsOf("clean")).toHaveLength(1);
});

test("runs that are cleared together run within the limit of their DAG, the older date first", async () => {
  const engine = await fleet.engine(TWO);
  await fleet.backfill(1, 3);
  await engine.settled();
  fleet.service.held.add("load");
  const runId = await onlyRun();
  expect(await say({ kind: "clear_tasks", runId, wish: { ...tasks("load"), past: true } })).toMatchObject({
    value: { count: 3 },
  });
  await expect.poll(async () => (await states()).sort()).toEqual(["queued", "queued", "running"]);
  fleet.service.held.clear();
  await expect.poll(states).toEqual(["success", "success", "success"]);
});

test("notes of runs and tasks are kept by a clear and taken away by an empty one", async () => {
  const runId = await ended();
  await say({ kind: "note_run", runId, note: "for the auditors" });
  await say({ kind: "note_task", runId, taskId: "load", mapIndex: -1, note: "half a day" });
  await say({ kind: "clear_tasks", runId, wish: tasks("load") });
  await expect.poll(states).toEqual(["success"]);
  const notes = async () =>
    (
      await fleet.store.pool.query<object>(
        "SELECT dag_run.note AS run, task_note.note AS task FROM dag_run LEFT JOIN task_note USING (run_id)",
      )
    ).rows;
  expect(await notes()).toEqual([{ run: "for the auditors", task: "half a day" }]);
  await say({ kind: "note_task", runId, taskId: "load", mapIndex: -1, note: null });
  expect(await notes()).toEqual([{ run: "for the auditors", task: null }]);
});

test("a run is marked by a person's word; one that is not there is refused", async () => {
  fleet.service.failures.set("load", 1);
  const runId = await ended();
  expect(await say({ kind: "mark_run", runId, state: "success" })).toMatchObject({ ok: true });
  expect(await states()).toEqual(["success"]);
  const nobody = "01890000-0000-7000-8000-00000000ffff";
  expect(await say({ kind: "mark_run", runId: nobody, state: "failed" })).toMatchObject({ code: "RUN_NOT_FOUND" });
});

test("a wish that nothing fits is refused, and so is one that makes no sense", async () => {
  const runId = await ended();
  expect(await say({ kind: "clear_tasks", runId, wish: { tasks: null, onlyFailed: true } })).toMatchObject({
    code: "NOTHING_MATCHES",
  });
  expect(await say({ kind: "retry_tasks", runId, wish: tasks("load") })).toMatchObject({ code: "ACTION_REFUSED" });
  expect(
    await say({ kind: "clear_tasks", runId, wish: { ...tasks("load"), past: true }, onLatest: true }),
  ).toMatchObject({
    code: "ACTION_INVALID",
  });
});
