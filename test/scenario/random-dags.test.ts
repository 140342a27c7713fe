import fc from "fast-check";
import { expect, test } from "vitest";
import type { TaskSpec } from "../../engine/core/dag.ts";
import { Scenario, dagSpec, taskSpec } from "./scenario.ts";

interface Planned {
  readonly spec: TaskSpec;
  readonly succeeds: boolean;
}

/** A random DAG: edges only point to earlier tasks, so there is no cycle. */
const dags = fc.array(
  fc.record({ edges: fc.array(fc.nat(7), { maxLength: 3 }), done: fc.boolean(), succeeds: fc.boolean() }),
  {
    minLength: 1,
    maxLength: 8,
  },
);

const plan = (drawn: readonly { edges: number[]; done: boolean; succeeds: boolean }[]): Planned[] =>
  drawn.map(({ edges, done, succeeds }, index) => {
    const dependsOn = index === 0 ? [] : [...new Set(edges.map((edge) => `t${edge % index}`))];
    return { spec: taskSpec(`t${index}`, { dependsOn, triggerRule: done ? "all_done" : "all_success" }), succeeds };
  });

/** The simplest reading of the rules: in order, each task once, from its upstreams' results. */
function reference(tasks: readonly Planned[]): Record<string, string> {
  const states: Record<string, string> = {};
  for (const { spec, succeeds } of tasks) {
    const upstreams = spec.dependsOn.map((id) => states[id]);
    const blocked = spec.triggerRule === "all_success" && upstreams.some((state) => state !== "success");
    states[spec.taskId] = blocked ? "upstream_failed" : succeeds ? "success" : "failed";
  }
  const hasDownstream = new Set(tasks.flatMap(({ spec }) => spec.dependsOn));
  const leaves = tasks.filter(({ spec }) => !hasDownstream.has(spec.taskId));
  const run = leaves.every(({ spec }) => states[spec.taskId] === "success") ? "success" : "failed";
  return { ...states, run };
}

test("random DAGs with random outcomes, finished in any order, end as the plain reading of the rules says", () => {
  fc.assert(
    fc.property(dags, fc.infiniteStream(fc.nat(100)), (drawn, picks) => {
      const tasks = plan(drawn);
      const story = new Scenario(dagSpec(tasks.map(({ spec }) => spec)));
      story.states();
      for (;;) {
        const states = story.states();
        const open = tasks.filter(({ spec }) => states[spec.taskId] === "queued");
        const pick = Number(picks.next().value);
        const next = open[pick % Math.max(1, open.length)];
        if (!next) break;
        if (pick % 3 === 0) story.takeover().starts(next.spec.taskId);
        if (next.succeeds) story.succeeds(next.spec.taskId);
        else story.fails(next.spec.taskId);
      }
      expect(story.states()).toEqual(reference(tasks));
    }),
    { numRuns: 300 },
  );
});

test("every change that is flushed starts from the state that was flushed before", () => {
  fc.assert(
    fc.property(dags, (drawn) => {
      const tasks = plan(drawn);
      const story = new Scenario(dagSpec(tasks.map(({ spec }) => spec)));
      for (const { spec, succeeds } of tasks) {
        if (story.states()[spec.taskId] !== "queued") continue;
        if (succeeds) story.succeeds(spec.taskId);
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
