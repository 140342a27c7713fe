import fc from "fast-check";
import { expect, test } from "vitest";
import type { DagSpec, TaskSpec } from "../../engine/core/dag.ts";
import type { World } from "../../engine/core/machine/world.ts";
import { DEFAULT_SETTINGS } from "../../engine/core/settings.ts";
import { ManyRuns } from "./many-runs.ts";
import { dagSpec, taskSpec, tasksOf } from "./scenario.ts";

const dag = (
  arrows: string,
  changes: Record<string, Partial<TaskSpec>> = {},
  spec: Partial<DagSpec> = {},
): DagSpec => ({
  ...dagSpec(tasksOf(arrows, changes)),
  maxActiveRuns: 10,
  ...spec,
});

test("max_active_runs is strict: the older dates start first, whatever came in first", () => {
  const s = new ManyRuns([dag("load", {}, { maxActiveRuns: 1 })]).runs("nightly", 5, 9, 2, 7);
  s.succeeds("nightly/5 load");
  expect(s.days("nightly")).toEqual({ 2: "running", 5: "success", 7: "queued", 9: "queued" });
  s.succeeds("nightly/2 load");
  expect(s.days("nightly")).toEqual({ 2: "success", 5: "success", 7: "running", 9: "queued" });
});

test("of a paused DAG no run begins, and of those that run nothing more than teardowns", () => {
  const s = new ManyRuns([dag("make -> work -> end", { make: { isSetup: true }, end: { teardownOf: ["make"] } })]);
  s.run("nightly/1").pauses("nightly").run("nightly/2").succeeds("nightly/1 make");
  expect(s.states("nightly/1")).toMatchObject({ make: "success", work: "scheduled" });
  expect(s.days("nightly")).toEqual({ 1: "running", 2: "queued" });
  s.cancels("nightly/1");
  expect(s.states("nightly/1")).toMatchObject({ work: "skipped", end: "queued" });
  s.pauses("nightly", false);
  expect(s.days("nightly")).toEqual({ 1: "running", 2: "running" });
});

test("max_active_tasks holds in each run by itself", () => {
  const s = new ManyRuns([dag("a; b; c", {}, { maxActiveTasks: 2 })]).runs("nightly", 1, 2);
  expect(s.states("nightly/1")).toMatchObject({ a: "queued", b: "queued", c: "scheduled" });
  expect(s.states("nightly/2")).toMatchObject({ a: "queued", b: "queued", c: "scheduled" });
  s.succeeds("nightly/1 b");
  expect(s.states("nightly/1")).toMatchObject({ c: "queued" });
});

test("max_active_per_dag holds over all runs of the DAG, the older run first, and after a takeover", () => {
  const s = new ManyRuns([dag("load", { load: { maxActivePerDag: 1 } })]).runs("nightly", 1, 2, 3).takeover();
  expect([1, 2, 3].map((day) => s.states(`nightly/${day}`)["load"])).toEqual(["queued", "scheduled", "scheduled"]);
  s.succeeds("nightly/1 load");
  expect([2, 3].map((day) => s.states(`nightly/${day}`)["load"])).toEqual(["queued", "scheduled"]);
});

test("max_parallel: so many instances of a mapped task at once, the next by map index", () => {
  const each = { forEach: { items: [1, 2, 3, 4], maxParallel: 2, label: null } };
  const s = new ManyRuns([dag("each", { each })]).run("nightly/1");
  expect(s.atWork()).toEqual(["nightly/1 each[0]", "nightly/1 each[1]"]);
  s.succeeds("nightly/1 each[1]");
  expect(s.atWork()).toEqual(["nightly/1 each[0]", "nightly/1 each[2]"]);
});

test("a mapped task as a whole holds no slot: its instances do", () => {
  const each = { pool: "glue", forEach: { items: [1, 2], maxParallel: null, label: null } };
  const s = new ManyRuns([dag("each", { each }, { maxActiveTasks: 1, pools: { glue: { slots: 1 } } })]).run(
    "nightly/1",
  );
  s.succeeds("nightly/1 each[0]", "nightly/1 each[1]");
  expect(s.days("nightly")).toEqual({ 1: "success" });
});

test("one huge run starves nobody: a small DAG gets the next slots", () => {
  const items = Array.from({ length: 500 }, (_, index) => index);
  const pools = { glue: { slots: 4 } };
  const huge = dag("many", { many: { pool: "glue", forEach: { items, maxParallel: null, label: null } } }, { pools });
  const small = { ...dag("x; y", { x: { pool: "glue" }, y: { pool: "glue" } }), dagId: "small" };
  const s = new ManyRuns([{ ...huge, maxActiveTasks: 1_000 }, small]).run("nightly/1").run("small/9");
  s.succeeds("nightly/1 many[0]", "nightly/1 many[1]");
  expect(s.states("small/9")).toMatchObject({ x: "queued", y: "queued" });
});

test("priority is summed over the descendants with the weight rule downstream", () => {
  const weigh = { pool: "one", weightRule: "downstream" as const };
  const changes = { short: weigh, long: weigh, more: { ...weigh, pool: null } };
  const s = new ManyRuns([dag("short; long -> more", changes, { pools: { one: { slots: 1 } } })]).run("nightly/1");
  expect(s.states("nightly/1")).toMatchObject({ short: "scheduled", long: "queued" });
});

const ops = [{ email: ["ops@example.com"], on: ["dag_paused" as const] }];

test("max_consecutive_failed_runs pauses the DAG and tells people; a success in between begins anew", () => {
  const s = new ManyRuns([dag("load", {}, { maxConsecutiveFailedRuns: 2, notify: ops })]).runs(
    "nightly",
    1,
    2,
    3,
    4,
    5,
  );
  s.fails("nightly/1 load").succeeds("nightly/2 load").fails("nightly/3 load");
  expect(s.rows.dags.get("nightly")).toMatchObject({ isPaused: false, failedRuns: 1 });
  s.takeover().fails("nightly/4 load");
  expect(s.rows.dags.get("nightly")).toMatchObject({ isPaused: true, failedRuns: 2 });
  expect(s.rows.mails).toMatchObject([
    { kind: "dag_paused", receiver: "ops@example.com", subject: "nightly is paused: its last 2 runs have failed" },
  ]);
  s.fails("nightly/5 load");
  expect(s.rows.mails).toHaveLength(1);
});

test("whoever unpauses a DAG begins the count anew", () => {
  const s = new ManyRuns([dag("load", {}, { maxConsecutiveFailedRuns: 2 })]).runs("nightly", 1, 2, 3);
  s.fails("nightly/1 load").fails("nightly/2 load").pauses("nightly", false);
  s.fails("nightly/3 load");
  expect(s.rows.dags.get("nightly")).toMatchObject({ isPaused: false, failedRuns: 1 });
});

test("runs that somebody cancelled do not count as failed in a row", () => {
  const s = new ManyRuns([dag("load", {}, { maxConsecutiveFailedRuns: 1 })]).run("nightly/1").cancels("nightly/1");
  s.fails("nightly/1 load");
  expect(s.days("nightly")).toEqual({ 1: "failed" });
  expect(s.rows.dags.get("nightly")).toMatchObject({ isPaused: false, failedRuns: 0 });
});

/** What is at work, counted from the nodes alone, against everything that limits it. */
function nothingIsExceeded(world: World): void {
  const pools = new Map<string, number>();
  const tasks = new Map<string, number>();
  const runs = new Map<string, number>();
  for (const { run, nodes, dag: compiled } of world.runs.values()) {
    if (run.state === "running") runs.set(run.dagId, (runs.get(run.dagId) ?? 0) + 1);
    const { spec } = compiled.version;
    const lanes = new Map<number, number>();
    let inRun = 0;
    for (const { task, attempt, taskAt } of nodes) {
      const each = compiled.tasks[taskAt];
      const isAtWork = task.state === "queued" || (task.state === "running" && attempt !== null);
      if (!each || !isAtWork || each.teardownOf.length > 0) continue;
      lanes.set(taskAt, (lanes.get(taskAt) ?? 0) + 1);
      const key = `${run.dagId}/${each.taskId}`;
      tasks.set(key, (tasks.get(key) ?? 0) + 1);
      expect(tasks.get(key)).toBeLessThanOrEqual(each.maxActivePerDag ?? Infinity);
      expect(lanes.get(taskAt)).toBeLessThanOrEqual(each.forEach?.maxParallel ?? Infinity);
      if (each.operator === "sensor") continue;
      inRun++;
      if (each.pool !== null) pools.set(each.pool, (pools.get(each.pool) ?? 0) + each.poolSlots);
    }
    expect(inRun).toBeLessThanOrEqual(spec.maxActiveTasks);
  }
  for (const [pool, held] of pools) expect(held).toBeLessThanOrEqual(world.pools.get(pool) ?? 0);
  for (const [dagId, count] of runs) {
    expect(count).toBeLessThanOrEqual(world.known.current(dagId)?.version.spec.maxActiveRuns ?? 0);
  }
}

const SLOTS = { glue: { slots: 3 }, emr: { slots: 2 } };
const drawnTask = fc.record({
  edges: fc.array(fc.nat(5), { maxLength: 2 }),
  pool: fc.constantFrom(null, "glue", "emr"),
  poolSlots: fc.integer({ min: 1, max: 2 }),
  priority: fc.integer({ min: 1, max: 3 }),
  maxActivePerDag: fc.constantFrom(null, null, 1, 2),
  operator: fc.constantFrom("find", "find", "sensor"),
  items: fc.constantFrom(0, 0, 0, 3, 5),
  maxParallel: fc.constantFrom(null, 1, 2),
  isAllDone: fc.boolean(),
  fails: fc.nat(9),
});
const drawnDag = fc.record({
  tasks: fc.array(drawnTask, { minLength: 1, maxLength: 6 }),
  maxActiveTasks: fc.integer({ min: 1, max: 4 }),
  maxActiveRuns: fc.integer({ min: 1, max: 3 }),
  days: fc.uniqueArray(fc.integer({ min: 1, max: 28 }), { minLength: 1, maxLength: 4 }),
});

const dagOf = (drawn: typeof drawnDag extends fc.Arbitrary<infer T> ? T : never, index: number): DagSpec => ({
  ...dagSpec(
    drawn.tasks.map(({ edges, items, maxParallel, isAllDone, ...rest }, at) => {
      const { pool, poolSlots, priority, maxActivePerDag, operator } = rest;
      const dependsOn = at === 0 ? [] : [...new Set(edges.map((edge) => `t${edge % at}`))];
      const list = Array.from({ length: items }, (_, item) => item);
      const forEach = items === 0 ? null : { items: list, maxParallel, label: null };
      const triggerRule = isAllDone ? "all_done" : "all_success";
      const limits = { pool, poolSlots, priority, maxActivePerDag, operator, forEach };
      return taskSpec(`t${at}`, { dependsOn, triggerRule, ...limits, weightRule: "downstream" });
    }),
    SLOTS,
  ),
  dagId: `d${index}`,
  maxActiveTasks: drawn.maxActiveTasks,
  maxActiveRuns: drawn.maxActiveRuns,
});

test("no limit is ever exceeded, and every run comes to its end, over random DAGs, outcomes, clears and takeovers", () => {
  fc.assert(
    fc.property(fc.array(drawnDag, { minLength: 1, maxLength: 3 }), fc.infiniteStream(fc.nat(997)), (drawn, picks) => {
      const s = new ManyRuns(drawn.map(dagOf), nothingIsExceeded);
      drawn.forEach(({ days }, index) => s.runs(`d${index}`, ...days));
      const pick = (): number => Number(picks.next().value);
      const cleared = new Set<string>();
      for (let step = 0; ; step++) {
        expect(step).toBeLessThan(2_000);
        const open = s.atWork();
        const next = open[pick() % Math.max(1, open.length)];
        if (next === undefined) break;
        const chance = pick();
        if (chance % 7 === 0) s.takeover();
        const ended = [...s.rows.runs.values()].find(({ runId, endedAt }) => endedAt !== null && !cleared.has(runId));
        if (chance % 11 === 0 && ended) {
          cleared.add(ended.runId);
          s.clears(ended.runId);
        }
        const [, index = 0, at = 0] = (/^d(\d+)\/\d+ t(\d+)/.exec(next) ?? []).map(Number);
        s.ends(next, pick() % 10 < (drawn[index]?.tasks[at]?.fails ?? 0) ? "failed" : "success");
      }
      for (const { state } of s.rows.runs.values()) expect(["success", "failed"]).toContain(state);
    }),
    { numRuns: 60 },
  );
});

test("launches that a service pushes back hold up those of that service alone", () => {
  const { maxSubmits } = DEFAULT_SETTINGS;
  const items = Array.from({ length: maxSubmits + 6 }, (_, index) => index);
  const forEach = { items, maxParallel: null, label: null };
  const s = new ManyRuns([
    dag("crowd", { crowd: { forEach } }, { dagId: "crowd", maxActiveTasks: 100 }),
    dag("other", { other: { operator: "sensor" } }),
  ]);
  s.run("crowd/1");
  expect(s.atWork()).toHaveLength(maxSubmits);
  for (const task of s.atWork()) s.throttled(task);
  s.run("nightly/1");
  expect(s.states("nightly/1")).toMatchObject({ other: "queued" });
  expect(s.atWork()).toHaveLength(maxSubmits + 1);
  s.takeover();
  expect(s.atWork()).toHaveLength(maxSubmits + 1);
  s.succeeds("crowd/1 crowd[0]");
  expect(s.states("crowd/1")).toMatchObject({ "crowd[0]": "success", [`crowd[${maxSubmits}]`]: "queued" });
});
