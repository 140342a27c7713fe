import { expect, test } from "vitest";
import type { DagSpec, TaskSpec } from "../../../engine/core/dag.ts";
import type { ActiveRun, Node } from "../../../engine/core/machine/active-run.ts";
import { NOT_LOOKED, newTask } from "../../../engine/core/machine/active-run.ts";
import { admissible } from "../../../engine/core/machine/admission.ts";
import { Backlog } from "../../../engine/core/machine/backlog.ts";
import { compileDag } from "../../../engine/core/machine/compiled-dag.ts";
import { activeRun, bareRun } from "../../../engine/core/machine/run-rows.ts";
import type { DagRun } from "../../../engine/core/records.ts";
import { kindsOf } from "../../scenario/kinds.ts";
import { dagSpec, taskSpec } from "../../scenario/scenario.ts";

const PREPARED = { hash: "h", params: {} };
let runs = 0;

/** Runs whose tasks are all ready, without the machine around them: what admission alone decides. */
class Waiting {
  readonly backlog = new Backlog(kindsOf((operator) => operator === "sensor"));
  readonly pools = new Map<string, number>();
  readonly paused = new Set<string>();
  launches = 1_000;

  /** A run whose tasks wait for slots; a mapped task is its instances. */
  run(dagId: string, tasks: readonly TaskSpec[], dag: Partial<DagSpec> = {}, run: Partial<DagRun> = {}): ActiveRun {
    const spec = { ...dagSpec(tasks), dagId, maxActiveTasks: 1_000_000, ...dag };
    const taskNos = Object.fromEntries(tasks.map(({ taskId }, index) => [taskId, index + 1]));
    const version = { versionId: "v", dagId, versionNumber: 1, hash: "h", spec, taskNos };
    const id = String(++runs).padStart(12, "0");
    const row = { ...({} as DagRun), runId: id, dagId, dagRunId: id, runAfterAt: 0, backfillId: null, ...run };
    const active = activeRun(bareRun(row), compileDag(version));
    active.nodes = tasks.map((_, taskAt) => ready(id, taskAt, -1));
    tasks.forEach(({ forEach }, taskAt) => {
      const items = (forEach?.items ?? []) as unknown[];
      items.forEach((_, mapIndex) => active.nodes.push(ready(id, taskAt, mapIndex)));
    });
    active.nodes.forEach((node, place) => {
      const isWhole = tasks[node.taskAt]?.forEach && node.task.mapIndex < 0;
      if (!isWhole) this.backlog.moved(active, place, null, node);
    });
    return active;
  }

  /** Hands out what there is; what is admitted is then at work. */
  admit(): string[] {
    const { ready, slots, reserved } = this.backlog;
    const isPaused = (dagId: string): boolean => this.paused.has(dagId);
    const { pools, launches } = this;
    const requests = { requests: launches, requestsOf: () => launches };
    const admitted = admissible(ready, { pools, slots, launches, ...requests, isPaused, reserved });
    return admitted.map(({ active, position }) => {
      this.move(active, position, "queued");
      return nameOf(active, position);
    });
  }

  /** Ends tasks that are at work. */
  end(active: ActiveRun, ...taskIds: string[]): void {
    active.nodes.forEach(({ task }, place) => {
      if (task.state === "queued" && taskIds.includes(nameOf(active, place))) this.move(active, place, "success");
    });
  }

  private move(active: ActiveRun, place: number, state: "queued" | "success"): void {
    const before = active.nodes[place] as Node;
    const after = { ...before, task: { ...before.task, state } };
    active.nodes[place] = after;
    this.backlog.moved(active, place, before, after);
  }
}

const ready = (runId: string, taskAt: number, mapIndex: number): Node => ({
  task: { ...newTask(runId, taskAt + 1, 0, mapIndex), state: "scheduled" },
  taskAt,
  attempt: null,
  prepared: PREPARED,
  looking: NOT_LOOKED,
  listing: null,
});

function nameOf({ nodes, dag }: ActiveRun, place: number): string {
  const { taskAt, task } = nodes[place] as Node;
  return `${dag.tasks[taskAt]?.taskId}${task.mapIndex < 0 ? "" : `[${task.mapIndex}]`}`;
}

const task = (taskId: string, changes: Partial<TaskSpec> = {}): TaskSpec => taskSpec(taskId, changes);
const over = (count: number, maxParallel: number | null = null) => ({
  forEach: { items: Array.from({ length: count }, (_, index) => index), maxParallel, label: null },
});

test("the higher priority goes first, a backfill's after all others of the same priority", () => {
  const waiting = new Waiting();
  waiting.run("filled", [task("old", { priority: 5 })], {}, { backfillId: "b", runAfterAt: 1 });
  waiting.run("nightly", [task("low"), task("high", { priority: 5 })], {}, { runAfterAt: 2 });
  expect(waiting.admit()).toEqual(["high", "old", "low"]);
});

test("of one DAG the older run goes first, then the order of the file, then the map index", () => {
  const waiting = new Waiting();
  waiting.run("nightly", [task("c"), task("d", over(2))], {}, { runAfterAt: 2 });
  waiting.run("nightly", [task("a"), task("b")], {}, { runAfterAt: 1 });
  expect(waiting.admit()).toEqual(["a", "b", "c", "d[0]", "d[1]"]);
});

test("among equals the DAG that holds the fewest slots goes first, so that one huge run starves nobody", () => {
  const waiting = new Waiting();
  waiting.pools.set("glue", 6);
  waiting.run("huge", [task("many", { pool: "glue", ...over(1_000) })], {}, { runAfterAt: 1 });
  waiting.run("small", [task("x", { pool: "glue" }), task("y", { pool: "glue" })], {}, { runAfterAt: 9 });
  expect(waiting.admit()).toEqual(["many[0]", "x", "many[1]", "y", "many[2]", "many[3]"]);
});

test("what a DAG holds already counts when slots are shared out", () => {
  const waiting = new Waiting();
  waiting.pools.set("glue", 3);
  waiting.run("huge", [task("many", { pool: "glue", ...over(1_000) })], {}, { runAfterAt: 1 });
  expect(waiting.admit()).toHaveLength(3);
  waiting.run(
    "late",
    ["x", "y", "z"].map((id) => task(id, { pool: "glue" })),
    {},
    { runAfterAt: 9 },
  );
  waiting.pools.set("glue", 6);
  expect(waiting.admit()).toEqual(["x", "y", "z"]);
});

test("a task whose pool is full is passed over, and one of lower priority in another pool goes", () => {
  const waiting = new Waiting();
  waiting.pools.set("glue", 0).set("emr", 1);
  waiting.run("nightly", [task("first", { pool: "glue", priority: 9 }), task("second", { pool: "emr" })]);
  expect(waiting.admit()).toEqual(["second"]);
});

test("a pool that nobody knows has no slots", () => {
  const waiting = new Waiting();
  waiting.run("nightly", [task("work", { pool: "gleu" })]);
  expect(waiting.admit()).toEqual([]);
});

test("a task takes as many slots of its pool as it says", () => {
  const waiting = new Waiting();
  waiting.pools.set("glue", 5);
  waiting.run("nightly", [
    task("large", { pool: "glue", poolSlots: 3 }),
    task("next", { pool: "glue", poolSlots: 3 }),
    task("small", { pool: "glue" }),
  ]);
  expect(waiting.admit()).toEqual(["large", "small"]);
});

test("small tasks go past a large one only until its pool has been handed out once over its head", () => {
  const waiting = new Waiting();
  waiting.pools.set("glue", 4);
  const small = waiting.run("small", [task("s", { pool: "glue", ...over(1_000) })], {}, { runAfterAt: 1 });
  expect(waiting.admit()).toHaveLength(4);
  const large = waiting.run("large", [task("large", { pool: "glue", poolSlots: 4 })], {}, { runAfterAt: 2 });
  const order: string[] = [];
  for (let index = 0; index < 12; index++) {
    waiting.end(small, `s[${index}]`);
    order.push(...waiting.admit());
  }
  expect(order).toEqual(["s[4]", "s[5]", "s[6]", "s[7]", "large"]);
  waiting.end(large, "large");
  expect(waiting.admit()).toHaveLength(4);
});

test("a task that is more urgent goes past a large one although slots are kept for it", () => {
  const waiting = new Waiting();
  waiting.pools.set("glue", 2);
  const small = waiting.run("small", [task("s", { pool: "glue", ...over(100) })], {}, { runAfterAt: 1 });
  waiting.admit();
  waiting.run("large", [task("large", { pool: "glue", poolSlots: 2 })], {}, { runAfterAt: 2 });
  for (const index of [0, 1]) {
    waiting.end(small, `s[${index}]`);
    waiting.admit();
  }
  waiting.end(small, "s[2]");
  expect(waiting.admit()).toEqual([]);
  waiting.run("urgent", [task("urgent", { pool: "glue", priority: 2 })]);
  expect(waiting.admit()).toEqual(["urgent"]);
});

test("no slot is kept for a task that something else than its pool stops, such as its DAG's pause", () => {
  const waiting = new Waiting();
  waiting.pools.set("glue", 2);
  const small = waiting.run("small", [task("s", { pool: "glue", ...over(100) })], {}, { runAfterAt: 1 });
  waiting.admit();
  waiting.run("large", [task("large", { pool: "glue", poolSlots: 2 })], {}, { runAfterAt: 2 });
  for (const index of [0, 1]) {
    waiting.end(small, `s[${index}]`);
    waiting.admit();
  }
  waiting.paused.add("large");
  waiting.end(small, "s[2]");
  expect(waiting.admit()).toEqual(["s[4]"]);
});

test("no slot is kept for a task that is larger than its pool has become", () => {
  const waiting = new Waiting();
  waiting.pools.set("glue", 2);
  const small = waiting.run("small", [task("s", { pool: "glue", ...over(100) })], {}, { runAfterAt: 1 });
  waiting.run("large", [task("large", { pool: "glue", poolSlots: 3 })], {}, { runAfterAt: 2 });
  waiting.admit();
  for (let index = 0; index < 8; index++) {
    waiting.end(small, `s[${index}]`);
    expect(waiting.admit()).toHaveLength(1);
  }
});

test("a run has at most max_active_tasks tasks at work", () => {
  const waiting = new Waiting();
  const active = waiting.run("nightly", [task("a"), task("b"), task("c")], { maxActiveTasks: 2 });
  waiting.run("nightly", [task("d")], { maxActiveTasks: 2 }, { runAfterAt: 5 });
  expect(waiting.admit()).toEqual(["a", "b", "d"]);
  waiting.end(active, "a");
  expect(waiting.admit()).toEqual(["c"]);
});

test("sensors and teardowns are not among a run's tasks at work, and take no slot of a pool", () => {
  const waiting = new Waiting();
  waiting.pools.set("glue", 1);
  const pool = "glue";
  waiting.run(
    "nightly",
    [
      task("look", { operator: "sensor", pool }),
      task("work", { pool }),
      task("more", { pool }),
      task("end", { teardownOf: ["work"], pool }),
    ],
    { maxActiveTasks: 1 },
  );
  expect(waiting.admit().sort()).toEqual(["end", "look", "work"]);
});

test("max_active_per_dag counts a task over all runs of its DAG, sensors too", () => {
  const waiting = new Waiting();
  const changes = { maxActivePerDag: 2, operator: "sensor" };
  const first = waiting.run("nightly", [task("look", changes)], {}, { runAfterAt: 1 });
  waiting.run("nightly", [task("look", changes)], {}, { runAfterAt: 2 });
  waiting.run("nightly", [task("look", changes)], {}, { runAfterAt: 3 });
  expect(waiting.admit()).toEqual(["look", "look"]);
  expect(waiting.admit()).toEqual([]);
  waiting.end(first, "look");
  expect(waiting.admit()).toEqual(["look"]);
});

test("of a mapped task at most max_parallel instances are at work in a run", () => {
  const waiting = new Waiting();
  const active = waiting.run("nightly", [task("each", over(5, 2)), task("other")]);
  waiting.run("nightly", [task("each", over(1, 2))], {}, { runAfterAt: 4 });
  expect(waiting.admit()).toEqual(["each[0]", "each[1]", "other", "each[0]"]);
  waiting.end(active, "each[0]");
  expect(waiting.admit()).toEqual(["each[2]"]);
});

test("of a paused DAG only teardowns begin", () => {
  const waiting = new Waiting();
  waiting.paused.add("nightly");
  waiting.run("nightly", [task("work"), task("end", { teardownOf: ["work"] })]);
  expect(waiting.admit()).toEqual(["end"]);
});

test("no more launches are under way than may be, but for teardowns", () => {
  const waiting = new Waiting();
  waiting.launches = 1;
  waiting.run("nightly", [task("a"), task("b"), task("end", { teardownOf: ["a"] })]);
  expect(waiting.admit()).toEqual(["end", "a"]);
});

test.each([
  [
    "instances of one task",
    (waiting: Waiting) => void waiting.run("d", [task("t", { pool: "glue", ...over(10_000) })]),
  ],
  [
    "tasks of a hundred runs",
    (waiting: Waiting) => {
      const tasks = Array.from({ length: 100 }, (_, index) => task(`t${index}`, { pool: "glue" }));
      for (let run = 0; run < 100; run++) waiting.run("d", tasks, {}, { runAfterAt: run % 17 });
    },
  ],
  [
    "tasks of a hundred DAGs",
    (waiting: Waiting) => {
      const tasks = Array.from({ length: 100 }, (_, index) =>
        task(`t${index}`, { pool: "glue", priority: index % 50 }),
      );
      for (let dag = 0; dag < 100; dag++) waiting.run(`d${dag}`, tasks);
    },
  ],
])("of ten thousand waiting %s one goes whenever one of fifty slots comes free", (_, fill) => {
  const waiting = new Waiting();
  fill(waiting);
  waiting.pools.set("glue", 50);
  expect(waiting.admit()).toHaveLength(50);
  for (let pass = 1; pass <= 20; pass++) {
    waiting.pools.set("glue", 50 + pass);
    expect(waiting.admit()).toHaveLength(1);
  }
});
