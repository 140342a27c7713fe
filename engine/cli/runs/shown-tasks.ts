import type { TaskState } from "../../core/states.ts";
import type { TaskDetail } from "../../store/read-models/run-detail.ts";

/** Up to so many instances of a mapped task have a line each. */
const FEW = 10;
/** Of more, so many of those that went wrong. */
const MOST_WRONG = 10;

const WRONG: ReadonlySet<TaskState> = new Set(["failed", "up_for_retry"]);

/** A task instance that has a line, and what stands there for the instances that have none. */
export interface ShownTask {
  readonly task: TaskDetail;
  /** On a mapped task of many instances: how many are in which state, the most first. */
  readonly counts: readonly (readonly [TaskState, number])[];
  /** On the last of them that is shown: how many more went wrong. */
  readonly moreWrong: number;
}

/** The task instances of a run that people are shown: a mapped task of many is one line and the first that went wrong. */
export function shownTasks(tasks: readonly TaskDetail[]): ShownTask[] {
  const groups = new Map<string, TaskDetail[]>();
  for (const task of tasks) {
    const group = groups.get(task.taskId) ?? [];
    group.push(task);
    groups.set(task.taskId, group);
  }
  return [...groups.values()].flatMap((group) => {
    const wholes = group.filter(({ mapIndex }) => mapIndex < 0);
    const instances = group.filter(({ mapIndex }) => mapIndex >= 0);
    if (instances.length <= FEW) return group.map((task) => ({ task, counts: [], moreWrong: 0 }));
    const wrong = instances.filter(isWrong);
    const shown = [...wholes, ...wrong.slice(0, MOST_WRONG)];
    return shown.map((task, index) => ({
      task,
      counts: task.mapIndex < 0 ? countsOf(instances) : [],
      moreWrong: index === shown.length - 1 ? Math.max(0, wrong.length - MOST_WRONG) : 0,
    }));
  });
}

/** It failed, will be tried again, or is being ended. */
const isWrong = ({ state, attempts }: TaskDetail): boolean =>
  WRONG.has(state) || attempts.some(({ ending, state: of }) => of === "orphan" || (ending !== null && of === "open"));

function countsOf(instances: readonly TaskDetail[]): (readonly [TaskState, number])[] {
  const counts = new Map<TaskState, number>();
  for (const { state } of instances) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a);
}
