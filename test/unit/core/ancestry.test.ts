import { describe, expect, it } from "vitest";
import fc from "fast-check";
import { Ancestry } from "../../../engine/core/graph/ancestry.ts";
import { ancestorsOf, findCycles } from "../../../engine/core/graph/dag-graph.ts";

const names = ["a", "b", "c", "d", "e", "f", "g"];
const upstreams = fc.subarray([...names, "unknown"]);
const graphs = fc
  .array(fc.record({ dependsOn: upstreams, teardownOf: upstreams }), { minLength: 1, maxLength: names.length })
  .map((edges) => edges.map((each, index) => ({ taskId: names[index] ?? "", ...each })));

describe("ancestry", () => {
  it("says of every pair what the set of all ancestors says, in graphs with cycles too", () => {
    fc.assert(
      fc.property(graphs, (tasks) => {
        const ancestry = new Ancestry(tasks);
        for (const { taskId } of tasks) {
          const ancestors = names.filter((name) => ancestry.isAncestor(name, taskId));
          expect(ancestors.sort()).toEqual([...ancestorsOf(tasks, taskId)].sort());
        }
      }),
    );
  });

  it("has a cycle exactly where one can be found", () => {
    fc.assert(fc.property(graphs, (tasks) => new Ancestry(tasks).hasCycle === findCycles(tasks).length > 0));
  });

  it("walks no further than the task that is asked for", () => {
    const asked: string[] = [];
    const tasks = Array.from({ length: 1_000 }, (_, index) => ({
      taskId: `t${index}`,
      dependsOn: index === 0 ? [] : [`t${index - 1}`],
      teardownOf: [],
    }));
    const ancestry = new Ancestry(tasks);
    const upstreams = Reflect.get(ancestry, "upstreams") as Map<string, readonly string[]>;
    const get = upstreams.get.bind(upstreams);
    upstreams.get = (taskId) => {
      asked.push(taskId);
      return get(taskId);
    };
    expect(ancestry.isAncestor("t989", "t999")).toBe(true);
    expect(asked.length).toBeLessThan(15);
  });
});
