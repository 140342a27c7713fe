import { expect, test } from "vitest";
import { SCHEDULE_DEFAULTS, type DagSpec, type TaskSpec } from "../../engine/core/dag.ts";
import { heldUpBy } from "../../engine/core/machine/past.ts";
import { ManyRuns } from "./many-runs.ts";
import { dagSpec, tasksOf } from "./scenario.ts";

const nightly = (arrows: string, changes: Record<string, Partial<TaskSpec>>, dag: Partial<DagSpec> = {}): DagSpec => ({
  ...dagSpec(tasksOf(arrows, changes)),
  maxActiveRuns: 10,
  ...dag,
});
const past = { dependsOnPast: true };
const LOAD = nightly("extract -> load", { load: past });

test("depends_on_past: a task waits until the same task of the run before has succeeded", () => {
  const s = new ManyRuns([LOAD]).runs("nightly", 1, 2).succeeds("nightly/1 extract", "nightly/2 extract");
  expect(s.states("nightly/2")).toMatchObject({ extract: "success", load: "none", run: "running" });
  s.succeeds("nightly/1 load");
  expect(s.states("nightly/2")).toMatchObject({ load: "queued" });
});

test("depends_on_past: a task of the run before that was skipped is good enough", () => {
  const s = new ManyRuns([nightly("extract -> load", { load: { ...past, triggerRule: "all_failed" } })]);
  s.runs("nightly", 1, 2).fails("nightly/2 extract");
  expect(s.states("nightly/2")).toMatchObject({ load: "none" });
  s.succeeds("nightly/1 extract");
  expect(s.states("nightly/1")).toMatchObject({ load: "skipped" });
  expect(s.states("nightly/2")).toMatchObject({ load: "queued" });
});

test("depends_on_past: a task that failed holds up the next run's, until somebody clears it and it succeeds", () => {
  const s = new ManyRuns([LOAD]).runs("nightly", 1, 2).succeeds("nightly/1 extract", "nightly/2 extract");
  s.fails("nightly/1 load");
  expect(s.days("nightly")).toEqual({ 1: "failed", 2: "running" });
  const active = s.world.runs.get("nightly/2");
  expect(active && heldUpBy(active, 1)).toMatchObject({ dagRunId: "nightly/1", state: "failed", taskNo: 2 });
  s.clears("nightly/1").succeeds("nightly/1 extract");
  expect(s.states("nightly/2")).toMatchObject({ load: "none" });
  s.succeeds("nightly/1 load");
  expect(s.states("nightly/2")).toMatchObject({ load: "queued" });
});

test("a clear of the run before makes the tasks wait that have not begun", () => {
  const s = new ManyRuns([LOAD]).run("nightly/1").succeeds("nightly/1 extract", "nightly/1 load");
  s.clears("nightly/1").run("nightly/2").succeeds("nightly/2 extract");
  expect(s.states("nightly/2")).toMatchObject({ load: "none" });
  s.succeeds("nightly/1 extract", "nightly/1 load");
  expect(s.states("nightly/2")).toMatchObject({ load: "queued" });
});

test("a run before that has ended already is read once, and what is good enough lets the task go on", () => {
  const s = new ManyRuns([LOAD]).run("nightly/1").succeeds("nightly/1 extract", "nightly/1 load");
  expect(s.world.runs.has("nightly/1")).toBe(false);
  s.run("nightly/2").succeeds("nightly/2 extract");
  expect(s.states("nightly/2")).toMatchObject({ load: "queued" });
});

test("the first run ever waits for nothing", () => {
  const s = new ManyRuns([LOAD]).run("nightly/1").succeeds("nightly/1 extract");
  expect(s.states("nightly/1")).toMatchObject({ load: "queued" });
});

test("a run that waits for its turn holds up the one after it", () => {
  const s = new ManyRuns([nightly("load", { load: past })]).run("nightly/1", { runAfterAt: Date.UTC(2027, 0, 1) });
  s.run("nightly/2");
  expect(s.states("nightly/2")).toMatchObject({ load: "none", run: "running" });
});

test("without catchup the run before is of any type; with it, what somebody triggered by hand is passed over", () => {
  const schedule = { ...SCHEDULE_DEFAULTS, cron: ["0 0 * * *"], timezone: "UTC" };
  const spec = (catchup: boolean) => nightly("load", { load: past }, { schedule: { ...schedule, catchup } });
  for (const [catchup, state] of [
    [false, "none"],
    [true, "queued"],
  ] as const) {
    const s = new ManyRuns([spec(catchup)]).run("nightly/1").succeeds("nightly/1 load");
    s.run("nightly/2", { runType: "manual" }).run("nightly/3");
    expect(s.states("nightly/3")).toMatchObject({ load: state });
  }
});

test("the oldest run of a backfill waits for nothing, the next for it", () => {
  const label = { backfillId: "b", runType: "backfill" } as const;
  const s = new ManyRuns([nightly("load", { load: past })]).run("nightly/1").fails("nightly/1 load");
  s.world.enterBackfill({
    backfillId: "b",
    dagId: "nightly",
    fromDate: "2026-01-02",
    toDate: "2026-01-03",
    fromAt: 0,
    toAt: 0,
    maxActiveRuns: 5,
    reprocess: "none",
    conf: {},
    runsBackwards: false,
    onlyTasks: null,
    state: "active",
    isPaused: false,
    createdAt: 0,
    updatedAt: 0,
    completedAt: null,
  });
  s.run("nightly/2", label).run("nightly/3", label);
  expect(s.states("nightly/2")).toMatchObject({ load: "queued" });
  expect(s.states("nightly/3")).toMatchObject({ load: "none" });
  s.succeeds("nightly/2 load");
  expect(s.states("nightly/3")).toMatchObject({ load: "queued" });
});

test("wait_for_downstream waits for the task's direct downstreams too, and for no more", () => {
  const s = new ManyRuns([nightly("stage -> merge -> report", { stage: { waitForDownstream: true } })]);
  s.runs("nightly", 1, 2).succeeds("nightly/1 stage");
  expect(s.states("nightly/2")).toMatchObject({ stage: "none" });
  s.succeeds("nightly/1 merge");
  expect(s.states("nightly/1")).toMatchObject({ report: "queued" });
  expect(s.states("nightly/2")).toMatchObject({ stage: "queued" });
});

test("of a mapped task of the run before every instance must have ended well", () => {
  const each = { ...past, forEach: { items: [1, 2], maxParallel: null, label: null } };
  const s = new ManyRuns([nightly("each", { each })]).runs("nightly", 1, 2);
  s.succeeds("nightly/1 each[0]");
  expect(s.states("nightly/2")).toMatchObject({ each: "none" });
  s.succeeds("nightly/1 each[1]");
  expect(s.states("nightly/2")).toMatchObject({ each: "running", "each[0]": "queued" });
});

test("a teardown is held up by nothing", () => {
  const changes = { make: { isSetup: true }, end: { ...past, teardownOf: ["make"] } };
  const s = new ManyRuns([nightly("make -> end", changes)]).runs("nightly", 1, 2).succeeds("nightly/2 make");
  expect(s.states("nightly/2")).toMatchObject({ end: "queued" });
});

test("a process that takes over asks for the past again", () => {
  const s = new ManyRuns([LOAD]).runs("nightly", 1, 2, 3);
  s.succeeds("nightly/1 extract", "nightly/2 extract", "nightly/3 extract").takeover();
  expect(s.states("nightly/2")).toMatchObject({ load: "none" });
  s.succeeds("nightly/1 load");
  expect(s.states("nightly/2")).toMatchObject({ load: "queued" });
  expect(s.states("nightly/3")).toMatchObject({ load: "none" });
  s.takeover().succeeds("nightly/2 load");
  expect(s.states("nightly/3")).toMatchObject({ load: "queued" });
});

test("a run that comes in between becomes the one to wait for", () => {
  const s = new ManyRuns([LOAD]).runs("nightly", 1, 5).succeeds("nightly/1 extract", "nightly/1 load");
  s.run("nightly/3").succeeds("nightly/5 extract");
  expect(s.states("nightly/5")).toMatchObject({ load: "none" });
  s.succeeds("nightly/3 extract", "nightly/3 load");
  expect(s.states("nightly/5")).toMatchObject({ load: "queued" });
});

test("a cleared run starts beyond max_active_runs when a run under way waits for it: else neither would go on", () => {
  const s = new ManyRuns([nightly("load", { load: past }, { maxActiveRuns: 1 })])
    .run("nightly/1")
    .fails("nightly/1 load");
  s.runs("nightly", 2, 3);
  expect(s.days("nightly")).toEqual({ 1: "failed", 2: "running", 3: "queued" });
  s.clears("nightly/1");
  expect(s.days("nightly")).toEqual({ 1: "running", 2: "running", 3: "queued" });
  s.succeeds("nightly/1 load", "nightly/2 load", "nightly/3 load");
  expect(s.days("nightly")).toEqual({ 1: "success", 2: "success", 3: "success" });
});

test("a run that is cancelled while it waits for the past ends", () => {
  const s = new ManyRuns([nightly("load", { load: past })]).runs("nightly", 1, 2).cancels("nightly/2");
  expect(s.states("nightly/2")).toMatchObject({ load: "skipped", run: "failed" });
});

test("a run without a logical date waits for nothing", () => {
  const s = new ManyRuns([nightly("load", { load: past })]).run("nightly/1");
  s.run("nightly/2", { logicalAt: null, runType: "manual" });
  expect(s.states("nightly/2")).toMatchObject({ load: "queued" });
});
