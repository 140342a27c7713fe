import { TASK_DEFAULTS, type DagSpec, type LoadedDag, type TaskSpec } from "../../engine/core/dag.ts";
import { sha256 } from "../../engine/dagfile/sha256.ts";
import { dagSpec, taskSpec } from "../scenario/specs.ts";
import { LAUNCHED } from "./launched.ts";

/** More than any benchmark has at a time. */
const NO_LIMIT = 100_000;

/** A task of a benchmark: a no-op that is launched, without retries, unless it says otherwise. */
export type BenchTask = Pick<TaskSpec, "taskId"> & Partial<TaskSpec>;

/** A DAG of a benchmark, as read from a file: no schedule and room for every run unless it says otherwise. */
export function dagOf(dagId: string, tasks: readonly BenchTask[], more: Partial<DagSpec> = {}): LoadedDag {
  const { weightRule } = TASK_DEFAULTS;
  const spec: DagSpec = {
    ...dagSpec(tasks.map((task) => taskSpec(task.taskId, { operator: LAUNCHED.type, weightRule, ...task }))),
    maxActiveRuns: NO_LIMIT,
    maxActiveTasks: NO_LIMIT,
    backfillMaxActiveRuns: NO_LIMIT,
    ...more,
    dagId,
  };
  return {
    spec,
    versionHash: sha256(JSON.stringify(spec)),
    source: { file: `dags/${dagId}.yaml`, text: `dag: ${dagId}` },
    files: [],
  };
}

/** The same tasks with the product's own no-op, which asks nobody and is decided. */
export const decided = (tasks: readonly BenchTask[]): BenchTask[] =>
  tasks.map((task) => ({ ...task, operator: "noop" }));

/** t0 -> t1 -> … */
export const chain = (length: number): BenchTask[] =>
  Array.from({ length }, (_, index) => ({ taskId: `t${index}`, dependsOn: index === 0 ? [] : [`t${index - 1}`] }));

/** One task, `width` that wait for it, and one that waits for all of those. */
export const fan = (width: number): BenchTask[] => {
  const middle = Array.from({ length: width }, (_, index) => `m${index}`);
  return [
    { taskId: "first" },
    ...middle.map((taskId) => ({ taskId, dependsOn: ["first"] })),
    { taskId: "last", dependsOn: middle },
  ];
};

/** Tasks that wait for nothing. */
export const wide = (width: number): BenchTask[] =>
  Array.from({ length: width }, (_, index) => ({ taskId: `w${index}` }));
