import { DirectedGraph } from "graphology";
import { topologicalGenerations } from "graphology-dag";
import type { DagSpec, TaskSpec } from "../dag.ts";

/** The edges of a task: what it waits for. A teardown waits for its setups too. */
type Edges = Pick<TaskSpec, "taskId" | "dependsOn" | "teardownOf">;

/** A DAG's graph by position in spec.tasks. */
export interface DagGraph {
  readonly upstream: readonly (readonly number[])[];
  readonly downstream: readonly (readonly number[])[];
  /** Every task after all of its upstreams. */
  readonly order: readonly number[];
  /** The longest path from a root, for drawing: a task's column. */
  readonly depth: readonly number[];
  /** Tasks whose state decides the run's: no downstreams but teardowns; a teardown only with fails_run. */
  readonly leaves: readonly number[];
  readonly isTeardown: readonly boolean[];
  /** The setups each teardown tears down; empty for other tasks. */
  readonly setups: readonly (readonly number[])[];
}

/** The spec has passed the reader's checks: every name is known and there is no cycle. */
export function compileGraph(spec: Pick<DagSpec, "tasks">): DagGraph {
  const { tasks } = spec;
  const position = new Map(tasks.map((task, index) => [task.taskId, index]));
  const at = (taskId: string): number => {
    const found = position.get(taskId);
    if (found === undefined) throw new Error(`no task ${taskId} in this DAG`);
    return found;
  };
  const graph = graphOf(tasks);
  const upstream = tasks.map((task) => graph.inNeighbors(task.taskId).map(at));
  const downstream = tasks.map((task) => graph.outNeighbors(task.taskId).map(at));
  const isTeardown = tasks.map((task) => task.teardownOf.length > 0);
  const generations = topologicalGenerations(graph).map((generation) => generation.map(at));
  const depth = tasks.map(() => 0);
  generations.forEach((generation, column) => generation.forEach((index) => (depth[index] = column)));
  return {
    upstream,
    downstream,
    order: generations.flat(),
    depth,
    leaves: tasks.flatMap((task, index) => {
      const counts = !isTeardown[index] || task.failsRun;
      return counts && (downstream[index] ?? []).every((next) => isTeardown[next]) ? [index] : [];
    }),
    isTeardown,
    setups: tasks.map((task) => task.teardownOf.map(at)),
  };
}

/** Cycles as paths that end where they began (a, b, c, a); no task is on two of them. Unknown names are left out. */
export function findCycles(tasks: readonly Edges[]): string[][] {
  const graph = graphOf(tasks);
  const cycles: string[][] = [];
  for (;;) {
    dropFreeTasks(graph);
    // Whatever is left waits for something that is left: walking upstream must come back to where it was.
    const start = graph.nodes()[0];
    if (start === undefined) return cycles;
    const path: string[] = [];
    let node: string | undefined = start;
    while (node !== undefined && !path.includes(node)) {
      path.push(node);
      node = graph.inNeighbors(node)[0];
    }
    const cycle = path.slice(path.indexOf(node ?? start)).reverse();
    // Told from the task that comes first in the file.
    const first = graph.nodes().find((each) => cycle.includes(each)) ?? start;
    const at = cycle.indexOf(first);
    cycles.push([...cycle.slice(at), ...cycle.slice(0, at), first]);
    cycle.forEach((each) => graph.dropNode(each));
  }
}

/** Takes away tasks that wait for nothing, until every one left does. */
function dropFreeTasks(graph: DirectedGraph): void {
  let free = graph.nodes().filter((node) => graph.inDegree(node) === 0);
  while (free.length > 0) {
    const next = new Set(free.flatMap((node) => graph.outNeighbors(node)));
    free.forEach((node) => graph.dropNode(node));
    free = [...next].filter((node) => graph.inDegree(node) === 0);
  }
}

/** Every task that `taskId` waits for, directly or not. Also of a graph with cycles. */
export function ancestorsOf(tasks: readonly Edges[], taskId: string): ReadonlySet<string> {
  const byId = new Map(tasks.map((task) => [task.taskId, task]));
  const found = new Set<string>();
  const open = [taskId];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const task = byId.get(id);
    for (const next of task === undefined ? [] : [...task.dependsOn, ...task.teardownOf]) {
      if (found.has(next) || !byId.has(next)) continue;
      found.add(next);
      open.push(next);
    }
  }
  return found;
}

function graphOf(tasks: readonly Edges[]): DirectedGraph {
  const graph = new DirectedGraph();
  tasks.forEach((task) => graph.addNode(task.taskId));
  for (const task of tasks) {
    for (const from of [...task.dependsOn, ...task.teardownOf]) {
      if (graph.hasNode(from)) graph.mergeEdge(from, task.taskId);
    }
  }
  return graph;
}
