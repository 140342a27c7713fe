import fc from "fast-check";
import { expect, test } from "vitest";
import { TRIGGER_RULES, type TaskSpec } from "../../engine/core/dag.ts";
import { Scenario, dagSpec, taskSpec } from "./scenario.ts";

interface Planned {
  readonly spec: TaskSpec;
  /** What becomes of it when it runs. */
  readonly outcome: "success" | "failed" | "skipped";
}

/** A random DAG: edges only point to earlier tasks, so there is no cycle. */
const dags = fc.array(
  fc.record({
    edges: fc.array(fc.nat(7), { maxLength: 3 }),
    rule: fc.constantFrom(...TRIGGER_RULES),
    outcome: fc.constantFrom("success", "success", "failed", "skipped"),
  }),
  { minLength: 1, maxLength: 8 },
);
type Drawn = typeof dags extends fc.Arbitrary<infer T> ? T : never;

const plan = (drawn: Drawn): Planned[] =>
  drawn.map(({ edges, rule, outcome }, index) => {
    const dependsOn = index === 0 ? [] : [...new Set(edges.map((edge) => `t${edge % index}`))];
    const when = outcome === "skipped" ? "false" : null;
    return { spec: taskSpec(`t${index}`, { dependsOn, triggerRule: rule, when }), outcome: outcome as "success" };
  });

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
    const upstreams = task.spec.dependsOn.map((id) => states[id] ?? "");
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
        const open = tasks.filter(({ spec }) => states[spec.taskId] === "queued");
        const pick = Number(picks.next().value);
        const next = open[pick % Math.max(1, open.length)];
        if (!next) break;
        if (pick % 3 === 0) story.takeover().starts(next.spec.taskId);
        if (next.outcome === "success") story.succeeds(next.spec.taskId);
        else story.fails(next.spec.taskId);
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
      for (const { spec, outcome } of tasks) {
        if (story.states()[spec.taskId] !== "queued") continue;
        if (outcome === "success") story.succeeds(spec.taskId);
        else story.fails(spec.taskId);
      }
      const stored = new Map<number, string>();
      for (const batch of story.batches) {
        for (const row of batch.tasksCreated) stored.set(row.taskNo, row.state);
        for (const { from, to } of batch.tasksChanged) {
          expect(stored.get(from.taskNo)).toBe(from.state);
          stored.set(to.taskNo, to.state);
        }
      }
      const final = story.states();
      for (const [index, { spec }] of tasks.entries()) expect(stored.get(index + 1)).toBe(final[spec.taskId]);
    }),
    { numRuns: 200 },
  );
});
