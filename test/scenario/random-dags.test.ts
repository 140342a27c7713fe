import fc from "fast-check";
import { expect, test } from "vitest";
import { TRIGGER_RULES, type TaskSpec } from "../../engine/core/dag.ts";
import { Scenario, dagSpec, taskSpec } from "./scenario.ts";

interface Planned {
  readonly spec: TaskSpec;
  /** What becomes of it when it runs. */
  readonly outcome: Outcome;
  /** What becomes of its instances; null: it is not mapped. */
  readonly items: readonly Outcome[] | null;
}
type Outcome = "success" | "failed" | "skipped";

/** A random DAG: edges only point to earlier tasks, so there is no cycle. */
const dags = fc.array(
  fc.record({
    edges: fc.array(fc.nat(7), { maxLength: 3 }),
    rule: fc.constantFrom(...TRIGGER_RULES),
    outcome: fc.constantFrom<Outcome>("success", "success", "failed", "skipped"),
    items: fc.option(fc.array(fc.constantFrom<Outcome>("success", "success", "failed"), { maxLength: 3 }), { freq: 2 }),
  }),
  { minLength: 1, maxLength: 8 },
);
type Drawn = typeof dags extends fc.Arbitrary<infer T> ? T : never;

const plan = (drawn: Drawn): Planned[] =>
  drawn.map(({ edges, rule, outcome, items }, index) => {
    const dependsOn = index === 0 ? [] : [...new Set(edges.map((edge) => `t${edge % index}`))];
    const when = outcome === "skipped" ? "false" : null;
    const forEach = items && { items: items.map((_, item) => item), maxParallel: null, label: null };
    const spec = taskSpec(`t${index}`, { dependsOn, triggerRule: rule, when, forEach });
    return { spec, items, outcome: items && outcome !== "skipped" ? wholeOf(items) : outcome };
  });

/** What a mapped task comes to as a whole. */
const wholeOf = (items: readonly Outcome[]): Outcome =>
  items.length === 0 ? "skipped" : items.includes("failed") ? "failed" : "success";

/** How a task ended for those after it: of a mapped one every instance counts, if it got as far as having any. */
function endings({ spec: { taskId }, items }: Planned, states: Record<string, string>): string[] {
  const instances = (items ?? []).flatMap((_, index) => states[`${taskId}[${index}]`] ?? []);
  return instances.length > 0 ? instances : [states[taskId] ?? ""];
}

/** What becomes of "t3" or of its instance "t3[1]" when it runs. */
function outcomeOf(tasks: readonly Planned[], name: string): Outcome {
  const [, id, index] = /^t(\d+)(?:\[(\d+)\])?$/.exec(name) ?? [];
  const task = tasks[Number(id)];
  return (index === undefined ? task?.outcome : task?.items?.[Number(index)]) ?? "failed";
}

/** The simplest reading of the rules: what a task may come to, from how its upstreams ended. */
function possible({ spec, outcome }: Planned, upstreams: readonly string[]): readonly string[] {
  const some = (...states: string[]): boolean => upstreams.some((state) => states.includes(state));
  const all = (...states: string[]): boolean => upstreams.every((state) => states.includes(state));
  if (upstreams.length === 0) return [outcome];
  const failure = some("failed", "upstream_failed");
  const skipped = some("skipped");
  switch (spec.triggerRule) {
    case "all_success":
      // Whichever comes first stops it.
      if (failure && skipped) return ["upstream_failed", "skipped"];
      return [failure ? "upstream_failed" : skipped ? "skipped" : outcome];
    case "all_failed":
      return [some("success", "skipped") ? "skipped" : outcome];
    case "all_done":
    case "always":
      return [outcome];
    case "all_done_min_one_success":
      return [skipped ? "skipped" : some("success") ? outcome : "upstream_failed"];
    case "all_skipped":
      return [all("skipped") ? outcome : "skipped"];
    case "one_failed":
      return [failure ? outcome : "skipped"];
    case "one_success":
      return [some("success") ? outcome : all("skipped") ? "skipped" : "upstream_failed"];
    case "one_done":
      return [some("success", "failed") ? outcome : "skipped"];
    case "none_failed":
      return [failure ? "upstream_failed" : outcome];
    case "none_failed_min_one_success":
      return [failure ? "upstream_failed" : some("success") ? outcome : "skipped"];
    case "none_skipped":
      return [skipped ? "skipped" : outcome];
  }
}

function expectPlainReading(tasks: readonly Planned[], states: Record<string, string>): void {
  for (const task of tasks) {
    const before = tasks.filter(({ spec }) => task.spec.dependsOn.includes(spec.taskId));
    const upstreams = before.flatMap((each) => endings(each, states));
    expect(possible(task, upstreams), `${task.spec.taskId} after ${upstreams.join(" ")}`).toContain(
      states[task.spec.taskId],
    );
  }
  const hasDownstream = new Set(tasks.flatMap(({ spec }) => spec.dependsOn));
  const leaves = tasks.filter(({ spec }) => !hasDownstream.has(spec.taskId)).map(({ spec }) => states[spec.taskId]);
  const isFailed = leaves.some((state) => state === "failed" || state === "upstream_failed");
  expect(states.run).toBe(isFailed ? "failed" : "success");
}

test("random DAGs with random outcomes, finished in any order, end as the plain reading of the rules says", () => {
  fc.assert(
    fc.property(dags, fc.infiniteStream(fc.nat(100)), (drawn, picks) => {
      const tasks = plan(drawn);
      const story = new Scenario(dagSpec(tasks.map(({ spec }) => spec)));
      for (;;) {
        const states = story.states();
        const open = Object.keys(states).filter((name) => states[name] === "queued");
        const pick = Number(picks.next().value);
        const next = open[pick % Math.max(1, open.length)];
        if (next === undefined) break;
        if (pick % 3 === 0) story.takeover().starts(next);
        if (outcomeOf(tasks, next) === "success") story.succeeds(next);
        else story.fails(next);
      }
      expectPlainReading(tasks, story.states());
    }),
    { numRuns: 200 },
  );
});

test("every change that is flushed starts from the state that was flushed before", () => {
  fc.assert(
    fc.property(dags, (drawn) => {
      const tasks = plan(drawn);
      const story = new Scenario(dagSpec(tasks.map(({ spec }) => spec)));
      const queued = (): string | undefined =>
        Object.entries(story.states()).find(([, state]) => state === "queued")?.[0];
      for (let next = queued(); next !== undefined; next = queued()) {
        if (outcomeOf(tasks, next) === "success") story.succeeds(next);
        else story.fails(next);
      }
      const keyOf = (row: { taskNo: number; mapIndex: number }): string =>
        `t${row.taskNo - 1}${row.mapIndex < 0 ? "" : `[${row.mapIndex}]`}`;
      const stored = new Map<string, string>();
      for (const batch of story.batches) {
        for (const row of batch.tasksCreated) stored.set(keyOf(row), row.state);
        for (const { from, to } of batch.tasksChanged) {
          expect(stored.get(keyOf(from))).toBe(from.state);
          stored.set(keyOf(to), to.state);
        }
      }
      expect({ ...Object.fromEntries(stored), run: story.row.state }).toEqual(story.states());
    }),
    { numRuns: 200 },
  );
});
