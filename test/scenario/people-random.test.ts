import fc from "fast-check";
import { expect, test } from "vitest";
import { whatToClear } from "../../engine/core/machine/people/what-to-clear.ts";
import { isFinished } from "../../engine/core/states.ts";
import { Scenario, dagSpec, tasksOf } from "./scenario.ts";

const NAMES = ["make", "a", "b", "c", "load", "drop"];
const over = { forEach: { items: [1, 2], maxParallel: null, label: null } };

const story = (): Scenario =>
  new Scenario(
    dagSpec(
      tasksOf("make -> a -> b -> drop; a -> c; load", {
        make: { isSetup: true },
        drop: { teardownOf: ["make"] },
        a: { retries: 1 },
        c: { triggerRule: "all_done" },
        load: over,
      }),
    ),
  );

/** Every task instance with its place, mapped tasks as a whole left out. */
const work = (s: Scenario) =>
  s.view().nodes.flatMap(({ task, taskAt, attempt }, place) => {
    const taskId = s.view().dag.tasks[taskAt]?.taskId ?? "";
    const isWhole = task.mapIndex < 0 && taskId === "load";
    return isWhole ? [] : [{ place, task, attempt, name: task.mapIndex < 0 ? taskId : `${taskId}[${task.mapIndex}]` }];
  });

/** The world moves on by one job: it is started, withdrawn, or ends as `ok` says. */
function step(s: Scenario, pick: number, ok: boolean): boolean {
  const open = work(s).filter(({ attempt }) => attempt?.state === "open");
  const one = open[pick % Math.max(1, open.length)];
  if (!one?.attempt) return false;
  const { name, attempt } = one;
  if (attempt.ref === null && attempt.ending) s.event(name, { kind: "not_sent", tryNumber: attempt.tryNumber });
  else if (attempt.ref === null) s.starts(name, `job-${name}-${attempt.tryNumber}`);
  else if (ok) s.succeeds(name);
  else s.fails(name, "retryable");
  return true;
}

const says = fc.record({
  what: fc.constantFrom("step", "step", "step", "clear", "mark", "cancel", "abandon", "retry", "mark_run", "takeover"),
  pick: fc.nat(20),
  ok: fc.boolean(),
});

function act(s: Scenario, { what, pick, ok }: { what: string; pick: number; ok: boolean }): void {
  const instance = work(s)[pick % Math.max(1, work(s).length)];
  switch (what) {
    case "clear": {
      const plan = whatToClear(s.view(), {
        tasks: [{ task: NAMES[pick % NAMES.length] ?? "a", mapIndex: null }],
        withDownstream: ok,
      });
      if ("places" in plan) s.person({ kind: "clear", places: plan.places, by: "ana" });
      return;
    }
    case "mark":
      if (instance && instance.task.state !== "removed") {
        s.person({ kind: "mark", places: [instance.place], state: ok ? "success" : "skipped", by: "ana" });
      }
      return;
    case "cancel":
      s.view();
      s.cancelRun();
      return;
    case "mark_run":
      s.person({ kind: "mark_run", state: ok ? "success" : "failed", by: "ana" });
      return;
    case "abandon":
    case "retry":
      if (instance) {
        s.person({ kind: what === "retry" ? "retry_now" : "abandon", places: [instance.place], by: "ana" });
      }
      return;
    case "takeover":
      s.view();
      s.takeover();
      // What was under way is not known any more; here it arrived.
      for (const { name, attempt } of work(s)) {
        if (attempt?.state === "open" && attempt.doubtAt !== null) {
          s.event(name, { kind: "searched", tryNumber: attempt.tryNumber, refs: [`job-${name}-${attempt.tryNumber}`] });
        }
      }
      return;
    default:
      step(s, pick, ok);
  }
}

test("whatever people say and in whatever order: every run ends, no launch key is used twice, and nothing stays open", () => {
  fc.assert(
    fc.property(fc.array(says, { maxLength: 25 }), (words) => {
      const s = story();
      for (const word of words) act(s, word);
      for (let left = 300; left > 0; left--) {
        const isOver = work(s).every(({ task }) => isFinished(task.state)) && s.row.endedAt !== null;
        if (isOver) break;
        if (!step(s, left, true)) s.later(10_000);
      }
      expect(["success", "failed"]).toContain(s.row.state);
      expect(s.view().nodes.filter(({ task }) => !isFinished(task.state))).toEqual([]);
      const keys = s.flushed("attemptsCreated").map(({ launchKey }) => launchKey);
      expect(new Set(keys).size).toBe(keys.length);
    }),
    { numRuns: 200 },
  );
});
