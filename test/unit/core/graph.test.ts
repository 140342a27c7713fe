import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ancestorsOf, compileGraph, findCycles } from "../../../engine/core/graph/dag-graph.ts";
import { TASK_DEFAULTS, type TaskSpec } from "../../../engine/core/dag.ts";

const task = (taskId: string, dependsOn: string[] = [], teardownOf: string[] = []): TaskSpec => ({
  ...TASK_DEFAULTS,
  taskId,
  operator: "noop",
  with: {},
  dependsOn,
  triggerRule: "all_success",
  isSetup: false,
  teardownOf,
  failsRun: false,
  retries: 0,
  retryDelayMs: 0,
  retryBackoff: 1,
  maxRetryDelayMs: 0,
  timeoutMs: null,
  pool: null,
  poolSlots: 1,
  priority: 1,
  connection: "default",
  region: null,
  onDoubt: "fail",
});

describe("the graph", () => {
  const tasks = [
    task("terminate", ["aggregate"], ["create"]),
    task("extract"),
    task("create", ["extract"]),
    task("aggregate", ["create"]),
    task("audit", ["extract"]),
  ];

  it("is arrays by position, with a topological order and columns to draw", () => {
    const graph = compileGraph({ tasks });
    expect(graph.upstream.map((list) => [...list].sort())).toEqual([[2, 3], [], [1], [2], [1]]);
    expect(graph.downstream.map((list) => [...list].sort())).toEqual([[], [2, 4], [0, 3], [0], []]);
    expect(graph.depth).toEqual([3, 0, 1, 2, 1]);
    expect(graph.setups).toEqual([[2], [], [], [], []]);
  });

  it("counts a task before nothing but a teardown as a leaf, and a teardown as none", () => {
    expect(compileGraph({ tasks }).leaves).toEqual([3, 4]);
  });

  it("orders every task after its upstreams, whatever the graph", () => {
    const anyTasks = fc.integer({ min: 1, max: 12 }).chain((size) =>
      fc.tuple(
        fc.shuffledSubarray(
          Array.from({ length: size }, (_, i) => i),
          { minLength: size },
        ),
        fc.array(fc.tuple(fc.nat(size - 1), fc.nat(size - 1)), { maxLength: 30 }),
      ),
    );
    fc.assert(
      fc.property(anyTasks, ([order, edges]) => {
        const list = order.map((id) =>
          task(
            `t${id}`,
            edges.filter(([a, b]) => a < b && b === id).map(([a]) => `t${a}`),
          ),
        );
        expect(findCycles(list)).toEqual([]);
        const graph = compileGraph({ tasks: list });
        const place = new Map(graph.order.map((position, index) => [position, index]));
        expect(graph.order).toHaveLength(list.length);
        graph.upstream.forEach((from, to) =>
          from.forEach((each) => {
            expect(place.get(each)).toBeLessThan(place.get(to) ?? -1);
            expect(graph.depth[each]).toBeLessThan(graph.depth[to] ?? -1);
          }),
        );
      }),
    );
  });
});

describe("cycles", () => {
  it("are paths that end where they began", () => {
    expect(findCycles([task("a", ["c"]), task("b", ["a"]), task("c", ["b"]), task("d", ["c"])])).toEqual([
      ["a", "b", "c", "a"],
    ]);
    expect(findCycles([task("a", ["a"])])).toEqual([["a", "a"]]);
  });

  it("are all reported, one for each knot", () => {
    const knots = [task("a", ["b"]), task("b", ["a"]), task("x", ["y"]), task("y", ["x"])];
    expect(findCycles(knots)).toHaveLength(2);
  });

  it("are found in a chain of thousands of tasks", () => {
    const chain = Array.from({ length: 5_000 }, (_, i) => task(`t${i}`, i === 0 ? [] : [`t${i - 1}`]));
    expect(findCycles(chain)).toEqual([]);
    expect(ancestorsOf(chain, "t4999").size).toBe(4_999);
    expect(findCycles([...chain.slice(1), task("t0", ["t4999"])])[0]).toHaveLength(5_001);
  });

  it("go through a teardown's setups too", () => {
    expect(findCycles([task("up", ["down"]), task("down", [], ["up"])])).toHaveLength(1);
  });
});

describe("ancestors", () => {
  it("are the direct and indirect upstreams", () => {
    const tasks = [task("a"), task("b", ["a"]), task("c", ["b"]), task("d", ["a"])];
    expect([...ancestorsOf(tasks, "c")].sort()).toEqual(["a", "b"]);
  });
});
