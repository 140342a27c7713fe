import type { DagVersion } from "../records.ts";
import type { TaskSpec } from "../dag.ts";

/** A DAG version with its graph as arrays by position in spec.tasks: what the machine walks. */
export interface CompiledDag {
  readonly version: DagVersion;
  readonly tasks: readonly TaskSpec[];
  readonly taskNos: readonly number[];
  readonly positionOf: ReadonlyMap<number, number>;
  readonly upstream: readonly (readonly number[])[];
  readonly downstream: readonly (readonly number[])[];
  readonly roots: readonly number[];
  /** Tasks whose states decide the run's: without downstreams other than teardowns, teardowns only with fails_run. */
  readonly leaves: readonly number[];
  /** Positions of the setups each teardown tears down; empty for other tasks. */
  readonly setups: readonly (readonly number[])[];
}

/** The spec has passed the reader's checks: every name is known and there is no cycle. */
export function compileDag(version: DagVersion): CompiledDag {
  const { tasks } = version.spec;
  const position = new Map(tasks.map((task, index) => [task.taskId, index]));
  const at = (taskId: string): number => {
    const found = position.get(taskId);
    if (found === undefined) throw new Error(`${version.dagId}: no task ${taskId} in version ${version.versionNumber}`);
    return found;
  };
  const taskNos = tasks.map((task) => {
    const number = version.taskNos[task.taskId];
    if (number === undefined) throw new Error(`${version.dagId}.${task.taskId} has no task number`);
    return number;
  });
  const upstream = tasks.map((task) => [...new Set([...task.dependsOn, ...task.teardownOf])].map(at));
  const downstream = tasks.map((): number[] => []);
  upstream.forEach((list, index) => list.forEach((from) => downstream[from]?.push(index)));
  const isTeardown = (index: number): boolean => (tasks[index]?.teardownOf.length ?? 0) > 0;
  const indexes = tasks.map((_, index) => index);
  return {
    version,
    tasks,
    taskNos,
    positionOf: new Map(taskNos.map((number, index) => [number, index])),
    upstream,
    downstream,
    roots: indexes.filter((index) => upstream[index]?.length === 0),
    leaves: indexes.filter(
      (index) => (downstream[index] ?? []).every(isTeardown) && (!isTeardown(index) || tasks[index]?.failsRun === true),
    ),
    setups: tasks.map((task) => task.teardownOf.map(at)),
  };
}
