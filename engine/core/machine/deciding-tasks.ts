import type { RunDraft } from "./run-draft.ts";

/** The tasks whose states decide the run's: the leaves, and where only some tasks run also the last of those. */
export function decidingTasks({ active, run }: Pick<RunDraft, "active" | "run">): readonly number[] {
  const { tasks, leaves, downstream, isTeardown } = active.dag;
  if (run.onlyTasks === null) return leaves;
  const only = new Set(run.onlyTasks);
  const runs = (position: number): boolean => only.has(tasks[position]?.taskId ?? "");
  const isLast = (position: number): boolean =>
    (downstream[position] ?? []).every((next) => !runs(next) || isTeardown[next] === true);
  const last = tasks.flatMap((spec, position) => {
    const counts = runs(position) && (!isTeardown[position] || spec.failsRun);
    return counts && isLast(position) ? [position] : [];
  });
  return [...leaves, ...last];
}
