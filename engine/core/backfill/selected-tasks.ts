import type { DagSpec } from "../dag.ts";
import { ancestorsOf } from "../graph/dag-graph.ts";
import type { BackfillWish } from "../records.ts";

/**
 * The tasks of a run that a wish names, in the order of the file: with all that is downstream of them if it says so, with
 * the setups they stand on, and with the teardowns of those, since what is set up is torn down. null: all tasks.
 */
export function selectedTasks(
  { tasks }: Pick<DagSpec, "tasks">,
  { taskIds = [], withDownstream = false }: Pick<BackfillWish, "taskIds" | "withDownstream">,
): readonly string[] | null {
  if (taskIds.length === 0) return null;
  const ancestors = new Map(tasks.map(({ taskId }) => [taskId, ancestorsOf(tasks, taskId)]));
  const isBefore = (first: string, second: string): boolean => ancestors.get(second)?.has(first) === true;
  const selected = new Set(taskIds);
  if (withDownstream) {
    for (const { taskId } of tasks) if (taskIds.some((named) => isBefore(named, taskId))) selected.add(taskId);
  }
  const work = [...selected];
  for (const { taskId: setup, isSetup } of tasks) {
    if (!isSetup) continue;
    const teardowns = tasks.filter(({ teardownOf }) => teardownOf.includes(setup)).map(({ taskId }) => taskId);
    // What comes after its teardown does not stand on a setup any more.
    const standsOn = (taskId: string): boolean =>
      isBefore(setup, taskId) && !teardowns.some((teardown) => isBefore(teardown, taskId));
    if (!selected.has(setup) && !work.some(standsOn)) continue;
    for (const each of [setup, ...teardowns]) selected.add(each);
  }
  const all = tasks.map(({ taskId }) => taskId).filter((taskId) => selected.has(taskId));
  return all.length === tasks.length ? null : all;
}
