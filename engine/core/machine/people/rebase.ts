import type { DagRun, HistoryEntry, TaskInstance } from "../../records.ts";
import type { Instant } from "../../json.ts";
import { isFinished } from "../../states.ts";
import { hasDebts } from "../attempt-debts.ts";
import type { CompiledDag } from "../compiled-dag.ts";
import type { RunRows } from "../run-rows.ts";
import type { Refusal } from "./select.ts";

/** A run as it is on another version of its DAG: its rows, and those of tasks that this version has no more. */
export interface Rebased {
  readonly rows: RunRows;
  readonly removed: readonly {
    readonly before: TaskInstance;
    readonly after: TaskInstance;
    readonly told: HistoryEntry;
  }[];
}

/**
 * Puts a whole run on another version of its DAG (protocol rule 28): one run, one graph. Tasks that are gone are removed,
 * tasks that are new wait for their upstreams. Refused while a job of a task that is gone is at work.
 */
export function rebase(rows: RunRows, from: CompiledDag, to: CompiledDag, by: string, now: Instant): Rebased | Refusal {
  const isGone = ({ taskNo }: { readonly taskNo: number }): boolean => !to.positionOf.has(taskNo);
  const nameOf = (taskNo: number): string => from.tasks[from.positionOf.get(taskNo) ?? -1]?.taskId ?? `task ${taskNo}`;
  const busy = rows.attempts.find((attempt) => isGone(attempt) && (attempt.state === "open" || hasDebts(attempt)));
  if (busy) {
    const message = `${nameOf(busy.taskNo)} is not in version ${to.version.versionNumber} and its job or its bill is open: clear it, or wait for its end, before the run goes on by that version`;
    return { code: "ACTION_REFUSED", message };
  }
  const changed = rows.attempts.find(({ state, taskNo, operator }) => {
    const place = to.positionOf.get(taskNo);
    return state === "open" && place !== undefined && to.tasks[place]?.operator !== operator;
  });
  if (changed) {
    const message = `${nameOf(changed.taskNo)} is at work and has another operator in version ${to.version.versionNumber}: wait for its end`;
    return { code: "ACTION_REFUSED", message };
  }
  const removed = rows.tasks
    .filter((task) => isGone(task) && task.state !== "removed")
    .map((before) => {
      const { runId, taskNo, mapIndex, state, endedAt } = before;
      const ended = isFinished(state) ? endedAt : now;
      const after = { ...before, state: "removed", endedAt: ended, retryAt: null } as const;
      const why = `version ${to.version.versionNumber} has no such task`;
      return {
        before,
        after,
        told: { runId, taskNo, mapIndex, from: state, to: "removed", why, by, at: now } as const,
      };
    });
  const run: DagRun = { ...rows.run, versionId: to.version.versionId };
  return { rows: { ...rows, run, tasks: rows.tasks.filter((task) => !isGone(task)) }, removed };
}
