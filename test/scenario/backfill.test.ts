import { expect, test } from "vitest";
import { newBackfill } from "../../engine/core/backfill/plan.ts";
import type { DagSpec } from "../../engine/core/dag.ts";
import { bareRun } from "../../engine/core/machine/run-rows.ts";
import type { BackfillWish, DagRun } from "../../engine/core/records.ts";
import { Scenario, dagSpec, taskSpec, tasksOf } from "./scenario.ts";

const DAY_MS = 86_400_000;
const ONE = dagSpec([taskSpec("work")]);
const idOf = (day: number): string => `day-${String(day).padStart(2, "0")}`;

/** A DAG whose one manual run is over, and a backfill of it over some days. */
class Backfilled extends Scenario {
  constructor(spec: DagSpec = ONE) {
    super(spec);
    this.cancelRun();
  }

  backfill(days: number, changes: Partial<BackfillWish> = {}, onlyTasks: readonly string[] | null = null): this {
    const days2 = { fromDate: "2025-12-01", toDate: "2025-12-31", reprocess: "none", conf: {} } as const;
    const wish = { backfillId: "b", dagId: "nightly", ...days2, maxActiveRuns: 2, ...changes };
    this.world.enterBackfill(newBackfill(wish, { fromAt: 0, toAt: 0 }, onlyTasks, this.now));
    for (let day = 1; day <= days; day++) this.world.enterRun(null, bareRun(this.day(day, onlyTasks)));
    return this.turn();
  }

  day(day: number, onlyTasks: readonly string[] | null = null): DagRun {
    const logicalAt = Date.UTC(2025, 11, day);
    const times = { logicalAt, intervalStartAt: logicalAt, intervalEndAt: logicalAt + DAY_MS };
    return {
      ...{ ...this.row, ...times, runAfterAt: logicalAt + DAY_MS, onlyTasks, runType: "backfill", backfillId: "b" },
      ...{ runId: idOf(day), dagRunId: idOf(day), state: "queued", startedAt: null, endedAt: null, ending: null },
    };
  }

  /** Every task of a day's run that is launched ends in this way. */
  finish(day: number, how: "success" | "failed" = "success"): this {
    for (const { task, attempt } of this.world.runs.get(idOf(day))?.nodes ?? []) {
      if (attempt?.state !== "open") continue;
      const failure = { class: "permanent", code: "JOB_FAILED", message: "broken" } as const;
      const done = { kind: "done", output: { of: task.taskNo } } as const;
      const result = how === "success" ? done : ({ kind: "refused", failure } as const);
      this.world.decideTask(task, { kind: "submitted", tryNumber: attempt.tryNumber, result }, this.context());
    }
    return this.turn();
  }

  /** The days whose runs are under way. */
  running(): number[] {
    const active = [...this.world.runs.values()].filter(({ run }) => run.backfillId === "b" && run.state === "running");
    return active.map(({ run }) => Number(run.runId.slice(4))).sort((a, b) => a - b);
  }

  /** How the backfill was last written. */
  written() {
    return this.flushed("backfillsChanged").at(-1)?.to;
  }

  tasksOf(day: number): Record<string, string> {
    const active = this.world.runs.get(idOf(day));
    const nodes = active?.nodes.map(({ task }, at) => [active.dag.tasks[at]?.taskId ?? "", task.state]) ?? [];
    return Object.fromEntries(nodes) as Record<string, string>;
  }

  /** How a day's run was last written. */
  ended(day: number): string | undefined {
    return this.flushed("runsChanged").findLast(({ to }) => to.runId === idOf(day))?.to.state;
  }
}

test("a backfill starts slot by slot, the oldest date first, at its own width whatever the DAG's", () => {
  const story = new Backfilled({ ...ONE, maxActiveRuns: 1 }).backfill(5);
  expect(story.running()).toEqual([1, 2]);
  expect(story.finish(2).running()).toEqual([1, 3]);
  expect(story.finish(1).running()).toEqual([3, 4]);
});

test("a backfill that goes backwards starts with the newest date", () => {
  const story = new Backfilled().backfill(5, { runsBackwards: true });
  expect(story.running()).toEqual([4, 5]);
  expect(story.finish(5).running()).toEqual([3, 4]);
});

test("of a paused backfill no run begins and those that run go on; it goes on where it was", () => {
  const story = new Backfilled().backfill(4);
  expect(story.world.pauseBackfill("b", true, story.now)).toBe(true);
  expect(story.world.pauseBackfill("b", true, story.now)).toBe(false);
  expect(story.finish(1).running()).toEqual([2]);
  expect(story.written()).toMatchObject({ isPaused: true, state: "active" });
  expect(story.world.nextStartAt).toBe(Infinity);
  story.world.pauseBackfill("b", false, story.now);
  expect(story.turn().running()).toEqual([2, 3]);
});

test("of a cancelled backfill what waits has failed and what runs goes on to its end", () => {
  const story = new Backfilled().backfill(4);
  expect(story.world.cancelBackfill("b", "ana", story.context())).toBe(2);
  expect(story.turn().running()).toEqual([1, 2]);
  expect([story.ended(3), story.ended(4)]).toEqual(["failed", "failed"]);
  expect(story.written()).toMatchObject({ state: "cancelled", completedAt: story.now });
  story.finish(1).finish(2);
  expect([story.ended(1), story.ended(2)]).toEqual(["success", "success"]);
  expect(story.flushed("backfillsChanged")).toHaveLength(1);
  expect(story.world.cancelBackfill("b", "ana", story.context())).toBeNull();
  expect(story.world.pauseBackfill("b", true, story.now)).toBeNull();
});

test("a backfill is complete with the last of its runs, failed ones too", () => {
  const story = new Backfilled().backfill(2).finish(1, "failed");
  expect(story.written()).toBeUndefined();
  expect(story.finish(2).written()).toMatchObject({ state: "completed", completedAt: story.now });
});

test("of a paused DAG no run of a backfill begins", () => {
  const story = new Backfilled();
  story.world.enterVersion({
    version: { versionId: "v2", dagId: "nightly", versionNumber: 2, hash: "h2", spec: ONE, taskNos: { work: 1 } },
    file: "",
    source: "",
    files: [],
  });
  story.world.planner.change("nightly", { isPaused: true }, story.now);
  expect(story.backfill(2).running()).toEqual([]);
  story.world.planner.change("nightly", { isPaused: false }, story.now);
  expect(story.turn().running()).toEqual([1, 2]);
});

test("rule 33: a run to be made again waits without its rows, and does not begin before they are read", () => {
  const story = new Backfilled();
  story.backfill(0);
  const before = { ...story.day(1), backfillId: "earlier", state: "success", startedAt: 1, endedAt: 2 } as const;
  const task = { runId: idOf(1), taskNo: 1, mapIndex: -1, tryNumber: 3, maxTry: 3, startedAt: 1, endedAt: 2 };
  const wish = { fromDate: "2025-12-01", toDate: "2025-12-31", reprocess: "completed", conf: {} } as const;
  const again = { backfillId: "b", dagId: "nightly", ...wish, maxActiveRuns: 2 };
  story.world.enterBackfill(newBackfill(again, { fromAt: 0, toAt: 0 }, null, story.now));
  story.world.enterRun(before, bareRun(story.day(1)), false);
  expect(story.turn().running()).toEqual([]);
  expect(story.world.unloaded(story.now)).toEqual([idOf(1)]);
  story.world.load({ ...bareRun(before), tasks: [{ ...task, state: "success", retryAt: null }] });
  expect(story.turn().running()).toEqual([1]);
  expect(story.world.runs.get(idOf(1))?.nodes[0]?.task.tryNumber).toBe(4);
});

test("of a backfill of some tasks the others are removed at once, and do not stand in the way", () => {
  const spec = dagSpec(tasksOf("extract -> clean -> load -> tell", {}));
  const story = new Backfilled(spec).backfill(1, {}, ["clean", "load"]);
  expect(story.tasksOf(1)).toEqual({ extract: "removed", clean: "queued", load: "none", tell: "removed" });
  expect(story.finish(1).tasksOf(1)).toMatchObject({ clean: "success", load: "queued" });
  expect(story.finish(1).ended(1)).toBe("success");
});

test("a run of some tasks fails with the last of them, although the DAG's leaves were left out", () => {
  const spec = dagSpec(tasksOf("extract -> clean -> load", {}));
  expect(new Backfilled(spec).backfill(1, {}, ["clean"]).finish(1, "failed").ended(1)).toBe("failed");
});

test("of a run that is made again only the chosen tasks run, the others keep their state and their output", () => {
  const spec = dagSpec(tasksOf("extract -> clean -> load", {}));
  const story = new Backfilled(spec).backfill(1);
  story.finish(1).finish(1);
  const active = story.world.runs.get(idOf(1));
  const tasks = active?.nodes.map(({ task }) => task) ?? [];
  const outputs = [{ runId: idOf(1), taskNo: 1, mapIndex: -1, output: { of: 1 } }];
  const load = tasks[2];
  if (!load) throw new Error("no task");
  story.finish(1);
  const stored = { ...story.day(1), state: "success", startedAt: 1, endedAt: 2 } as const;
  const ended = [...tasks.slice(0, 2), { ...load, state: "success", endedAt: 2 } as const];
  story.backfill(0, { backfillId: "again" });
  const rows = { ...bareRun(story.day(1, ["clean"])), tasks: ended, outputs };
  story.world.enterRun(stored, rows);
  story.turn();
  expect(story.tasksOf(1)).toEqual({ extract: "success", clean: "queued", load: "success" });
  expect(story.world.runs.get(idOf(1))?.outputs.get(0)).toEqual({ of: 1 });
  expect(story.finish(1).ended(1)).toBe("success");
});

test("a backfill's tasks are admitted after others of equal priority", () => {
  const spec = { ...dagSpec([taskSpec("work", { pool: "glue" })], { glue: { slots: 2 } }), maxActiveRuns: 5 };
  const story = new Backfilled(spec);
  story.world.enterBackfill(
    newBackfill(
      {
        ...{
          backfillId: "b",
          dagId: "nightly",
          fromDate: "",
          toDate: "",
          maxActiveRuns: 1,
          reprocess: "none",
          conf: {},
        },
      },
      { fromAt: 0, toAt: 0 },
      null,
      story.now,
    ),
  );
  story.world.enterRun(null, bareRun(story.day(1)));
  const manual = { ...story.day(2), runId: "manual", backfillId: null, runType: "manual" } as const;
  story.world.enterRun(null, bareRun(manual));
  story.turn();
  expect(story.world.runs.get("manual")?.nodes[0]?.task.state).toBe("queued");
  expect(story.tasksOf(1)).toEqual({ work: "scheduled" });
});
