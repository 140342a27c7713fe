import type { TaskSpec } from "../dag.ts";
import { compileGraph, type DagGraph } from "../graph/dag-graph.ts";
import { pastTasks } from "./past-tasks.ts";
import { priorityWeights } from "../priority.ts";
import type { DagVersion } from "../records.ts";

/** A DAG version with its graph as arrays by position in spec.tasks: what the machine walks. */
export interface CompiledDag extends DagGraph {
  readonly version: DagVersion;
  readonly tasks: readonly TaskSpec[];
  readonly taskNos: readonly number[];
  readonly positionOf: ReadonlyMap<number, number>;
  /** What is looked at when a run starts: tasks that wait for nothing. */
  readonly roots: readonly number[];
  /** How urgent each task is, by its weight rule. */
  readonly weights: readonly number[];
  /** Numbers of the tasks of the run before that tasks wait for, by place; empty: none depends on the past. */
  readonly past: ReadonlyMap<number, readonly number[]>;
}

/** The spec has passed the reader's checks: every name is known and there is no cycle. */
export function compileDag(version: DagVersion): CompiledDag {
  const { tasks } = version.spec;
  const graph = compileGraph(version.spec);
  const taskNos = tasks.map((task) => {
    const number = version.taskNos[task.taskId];
    if (number === undefined) throw new Error(`${version.dagId}.${task.taskId} has no task number`);
    return number;
  });
  return {
    ...graph,
    version,
    tasks,
    taskNos,
    positionOf: new Map(taskNos.map((number, index) => [number, index])),
    roots: tasks.flatMap(({ triggerRule }, index) =>
      triggerRule === "always" || graph.upstream[index]?.length === 0 ? [index] : [],
    ),
    weights: priorityWeights(tasks, graph),
    past: pastTasks({ tasks, taskNos, downstream: graph.downstream }),
  };
}
