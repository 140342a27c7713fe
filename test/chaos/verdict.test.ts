import { expect, test } from "vitest";
import type { TriggerRule } from "../../engine/core/dag.ts";
import type { Evidence } from "./evidence.ts";
import type { Plan, PlannedTask } from "./plan.ts";
import { allowedBy } from "./reference.ts";
import { complaints } from "./verdict.ts";

const task = (id: string, more: Partial<PlannedTask>): PlannedTask => ({
  id,
  kind: "athena",
  dependsOn: [],
  rule: "all_success",
  retries: 1,
  fails: [0],
  isWanted: [true],
  teardownOf: null,
  setupFor: [],
  pool: null,
  items: null,
  itemsFrom: null,
  n: 5,
  reads: [],
  sleepMs: 0,
  ...more,
});

/** t0 fails once and says 5, t1 adds 5 to it. */
const PLAN: Plan = {
  seed: 0,
  certainty: "exact",
  main: {
    id: "main",
    tasks: [task("t0", { fails: [1] }), task("t1", { dependsOn: ["t0"], reads: ["t0"] })],
    maxActiveTasks: 1,
  },
  child: null,
  days: ["2026-03-01"],
  maxActiveRuns: 1,
  poolSlots: 1,
  processes: 1,
  incidents: [],
};

const attempt = (name: string, tryNumber: number, state: string) =>
  ({
    runId: "r",
    name,
    tryNumber,
    state,
    operator: "athena.query",
    launchKey: `${name}/${tryNumber}`,
    isEnding: false,
    owes: [],
  }) as const;
const job = (launchKey: string, state: string) => ({
  service: "Athena",
  id: `q-${launchKey}`,
  name: "",
  launchKey,
  state,
});
const step = (name: string, from: string, to: string) =>
  ({ runId: "r", name, from, to, why: "", by: "engine" }) as Evidence["history"][number];

const SOUND: Evidence = {
  runs: [
    {
      runId: "r",
      dagId: "main",
      dagRunId: "backfill__1",
      day: "2026-03-01",
      state: "success",
      quarantine: null,
      isStarted: true,
    },
  ],
  tasks: [
    { runId: "r", name: "t0", state: "success", tryNumber: 2 },
    { runId: "r", name: "t1", state: "success", tryNumber: 1 },
  ],
  attempts: [attempt("t0", 1, "failed"), attempt("t0", 2, "succeeded"), attempt("t1", 1, "succeeded")],
  history: [
    step("t0", "none", "queued"),
    step("t0", "queued", "up_for_retry"),
    step("t0", "up_for_retry", "queued"),
    step("t0", "queued", "success"),
    step("t1", "none", "queued"),
    step("t1", "queued", "success"),
  ],
  outputs: [
    { runId: "r", name: "t0", tryNumber: 2, output: { rows: [{ n: "5" }] } },
    { runId: "r", name: "t1", tryNumber: 1, output: { rows: [{ n: "10" }] } },
  ],
  commands: [{ kind: "backfill", state: "applied", result: {} }],
  backfills: [{ state: "completed" }],
  jobs: [job("t0/1", "FAILED"), job("t0/2", "SUCCEEDED"), job("t1/1", "SUCCEEDED")],
};

const without = <Row>(rows: readonly Row[], index: number): Row[] => rows.filter((_, each) => each !== index);
const changed = <Row>(rows: readonly Row[], index: number, change: Partial<Row>): Row[] =>
  rows.map((row, each) => (each === index ? { ...row, ...change } : row));

test("a seed that went well has no complaints", () => {
  expect(complaints(PLAN, SOUND)).toEqual([]);
});

/** Cancelled while it waited for its turn. */
const CANCELLED: Evidence = {
  ...SOUND,
  runs: changed(SOUND.runs, 0, { state: "failed", isStarted: false }),
  tasks: [],
  attempts: [],
  history: [],
  outputs: [],
  jobs: [],
};

test("a run that was cancelled while it waited needs no rows, and any other that never began does", () => {
  const steered: Plan = { ...PLAN, certainty: "steered" };
  const cancel = { kind: "cancel", run: 0, share: 0, delayMs: 0 } as const;
  expect(complaints({ ...steered, incidents: [cancel] }, CANCELLED)).toEqual([]);
  expect(complaints(steered, CANCELLED)).not.toEqual([]);
  const half: Evidence = { ...CANCELLED, tasks: changed(SOUND.tasks.slice(0, 1), 0, { state: "failed" }) };
  expect(complaints({ ...steered, incidents: [cancel] }, half)).toContainEqual(expect.stringContaining("no row of t1"));
});

test.each<[string, Partial<Evidence>]>([
  ["a run that is missing", { runs: [] }],
  ["a run in the wrong state", { runs: changed(SOUND.runs, 0, { state: "failed" }) }],
  ["a run that was put aside", { runs: changed(SOUND.runs, 0, { quarantine: "bad" }) }],
  ["a task's row that is missing", { tasks: without(SOUND.tasks, 1) }],
  ["a task that is stuck", { tasks: changed(SOUND.tasks, 1, { state: "running" }) }],
  ["an attempt that still owes", { attempts: changed(SOUND.attempts, 2, { owes: ["open"] }) }],
  ["a try that never was", { attempts: without(SOUND.attempts, 0) }],
  ["a launch key used twice", { attempts: changed(SOUND.attempts, 1, { launchKey: "t0/1" }) }],
  ["a second job for a launch key", { jobs: [...SOUND.jobs, { ...job("t1/1", "SUCCEEDED"), id: "other" }] }],
  ["a job that nobody meant to launch", { jobs: [...SOUND.jobs, job("nobody", "SUCCEEDED")] }],
  ["a success without a job", { jobs: without(SOUND.jobs, 2) }],
  ["a job that still runs", { jobs: changed(SOUND.jobs, 2, { state: "RUNNING" }) }],
  ["a gap in the history", { history: without(SOUND.history, 1) }],
  [
    "a final state that moved",
    { history: [...SOUND.history, step("t1", "success", "running"), step("t1", "running", "success")] },
  ],
  [
    "an output that others would not have read",
    { outputs: changed(SOUND.outputs, 1, { output: { rows: [{ n: "6" }] } }) },
  ],
  ["a command that waits", { commands: changed(SOUND.commands, 0, { state: "pending" }) }],
  ["a backfill that is not over", { backfills: [{ state: "active" }] }],
])("it complains of %s", (_, change) => {
  expect(complaints(PLAN, { ...SOUND, ...change })).not.toEqual([]);
});

test.each<[TriggerRule, string, readonly string[]]>([
  ["all_success", "success failed skipped", ["upstream_failed", "skipped"]],
  ["all_failed", "failed upstream_failed", ["run"]],
  ["all_done_min_one_success", "failed upstream_failed", ["upstream_failed"]],
  ["all_done_min_one_success", "success skipped", ["skipped"]],
  ["one_failed", "success upstream_failed", ["run"]],
  ["one_success", "failed skipped", ["upstream_failed"]],
  ["one_done", "upstream_failed skipped", ["skipped"]],
  ["none_failed_min_one_success", "skipped skipped", ["skipped"]],
  ["none_skipped", "success failed", ["run"]],
])("%s after %s", (rule, ends, verdicts) => {
  expect(allowedBy(rule, ends.split(" ") as Parameters<typeof allowedBy>[1])).toEqual(verdicts);
});
