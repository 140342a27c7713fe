import type { TaskSpec } from "../../core/dag.ts";
import { compileGraph } from "../../core/graph/dag-graph.ts";

/** The tasks by level: a task stands one level below its deepest upstream; within a level in the order of the file. */
export function levelsOf(tasks: readonly TaskSpec[]): readonly (readonly TaskSpec[])[] {
  const { depth } = compileGraph({ tasks });
  const levels: TaskSpec[][] = [];
  tasks.forEach((task, index) => (levels[depth[index] ?? 0] ??= []).push(task));
  return levels;
}

/** The graph for a terminal: a block a level, each task with its operator and what it waits for. */
export function graphLines(tasks: readonly TaskSpec[]): string[] {
  const widest = Math.max(0, ...tasks.map(({ taskId }) => taskId.length));
  const operators = Math.max(0, ...tasks.map(({ operator }) => operator.length));
  return levelsOf(tasks).flatMap((level, depth) => [
    ...(depth === 0 ? [] : ["  │"]),
    ...level.map((task, index) => {
      const branch = level.length === 1 ? "──" : index === 0 ? "┬─" : index === level.length - 1 ? "└─" : "├─";
      const notes = [
        ...(task.dependsOn.length === 0 ? [] : [`after ${task.dependsOn.join(", ")}`]),
        ...(task.forEach === null ? [] : ["for each item"]),
        ...(task.when === null ? [] : ["when"]),
        ...(task.isSetup ? ["setup"] : []),
        ...(task.teardownOf.length > 0 ? [`tears down ${task.teardownOf.join(", ")}`] : []),
        ...(task.triggerRule === "all_success" ? [] : [task.triggerRule]),
      ];
      const line = `  ${branch} ${task.taskId.padEnd(widest)}  ${task.operator.padEnd(operators)}  ${notes.join("; ")}`;
      return line.trimEnd();
    }),
  ]);
}
