import { expect, test } from "vitest";
import fc from "fast-check";
import type { WeightRule } from "../../../engine/core/dag.ts";
import { compileGraph } from "../../../engine/core/graph/dag-graph.ts";
import { priorityWeights } from "../../../engine/core/priority.ts";
import { taskSpec, tasksOf } from "../../scenario/scenario.ts";

function weights(arrows: string, priorities: Record<string, number>, weightRule: WeightRule): Record<string, number> {
  const ids = Object.keys(priorities);
  const changes = Object.fromEntries(ids.map((id) => [id, { priority: priorities[id] ?? 1, weightRule }]));
  const tasks = tasksOf(arrows, changes);
  const found = priorityWeights(tasks, compileGraph({ tasks }));
  return Object.fromEntries(tasks.map(({ taskId }, position) => [taskId, found[position] ?? 0]));
}

const DIAMOND = "a -> b -> d; a -> c -> d";
const PRIORITIES = { a: 1, b: 10, c: 100, d: 1_000 };

test("downstream: a task's own priority and that of all its descendants, each once", () => {
  expect(weights(DIAMOND, PRIORITIES, "downstream")).toEqual({ a: 1_111, b: 1_010, c: 1_100, d: 1_000 });
});

test("upstream: a task's own priority and that of all its ancestors, each once", () => {
  expect(weights(DIAMOND, PRIORITIES, "upstream")).toEqual({ a: 1, b: 11, c: 101, d: 1_111 });
});

test("absolute: a task's own priority and nothing else", () => {
  expect(weights(DIAMOND, PRIORITIES, "absolute")).toEqual(PRIORITIES);
});

test("weights stay within 32 bits, whatever is summed", () => {
  const most = 2 ** 31 - 1;
  expect(weights("a -> b", { a: most, b: most }, "downstream")).toEqual({ a: most, b: most });
  expect(weights("a -> b", { a: -most, b: -most }, "downstream")).toEqual({ a: -most - 1, b: -most });
});

test("in any DAG the sums are those of walking it", () => {
  const drawn = fc.array(
    fc.record({ edges: fc.array(fc.nat(70), { maxLength: 4 }), priority: fc.integer({ min: -9, max: 9 }) }),
    {
      minLength: 1,
      maxLength: 70,
    },
  );
  fc.assert(
    fc.property(drawn, (nodes) => {
      const tasks = nodes.map(({ edges, priority }, index) => {
        const dependsOn = index === 0 ? [] : [...new Set(edges.map((edge) => `t${edge % index}`))];
        return taskSpec(`t${index}`, { dependsOn, priority, weightRule: "downstream" });
      });
      const graph = compileGraph({ tasks });
      const walked = tasks.map((_, from) => {
        const seen = new Set([from]);
        for (const position of seen) for (const next of graph.downstream[position] ?? []) seen.add(next);
        return [...seen].reduce((sum, position) => sum + (tasks[position]?.priority ?? 0), 0);
      });
      expect(priorityWeights(tasks, graph)).toEqual(walked);
    }),
    { numRuns: 100 },
  );
});
