import type { DagSpec } from "../dag.ts";
import type { ErrorCode } from "../errors.ts";
import type { BackfillWish } from "../records.ts";
import { nearest } from "../similar.ts";

/** Why a wish is not carried out; nothing of it was done. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}

export const invalid = (message: string): Refusal => ({ code: "BACKFILL_INVALID", message });

/** The widest backfill: what starts beside it must stay fair, and a wider one says a limit was forgotten. */
const MOST_ACTIVE_RUNS = 1_000;

/** What of a wish the DAG does not allow, whatever its dates; null: nothing. Source of the rules: reference/airflow.md 1.12. */
export function wishRefusal(spec: DagSpec, wish: BackfillWish): Refusal | null {
  const { dagId, schedule } = spec;
  const { maxActiveRuns, reprocess, runsBackwards = false, taskIds = [], withDownstream = false } = wish;
  if (schedule?.isContinuous === true) {
    return invalid(`${dagId} runs @continuous: it has no dates that a backfill could go through`);
  }
  if (schedule === null && spec.onAssets !== null) {
    return invalid(`${dagId} runs when its assets change: it has no dates that a backfill could go through`);
  }
  if (!Number.isSafeInteger(maxActiveRuns) || maxActiveRuns < 1 || maxActiveRuns > MOST_ACTIVE_RUNS) {
    return invalid(`max_active_runs: expected a whole number from 1 to ${MOST_ACTIVE_RUNS}, got ${maxActiveRuns}`);
  }
  const past = spec.tasks.find(({ dependsOnPast, waitForDownstream }) => dependsOnPast || waitForDownstream);
  if (past !== undefined) {
    const rule = past.dependsOnPast ? "depends_on_past" : "wait_for_downstream";
    if (runsBackwards) return invalid(`${past.taskId} has ${rule}: its runs go forward, never backwards`);
    if (reprocess === "none") {
      const why = "a date that is left alone may stand in the way of those after it";
      return invalid(`${past.taskId} has ${rule}: reprocess must be failed or completed, since ${why}`);
    }
  }
  const ids = spec.tasks.map(({ taskId }) => taskId);
  for (const taskId of taskIds) {
    if (ids.includes(taskId)) continue;
    const near = nearest(taskId, ids);
    return invalid(`${dagId} has no task ${taskId}${near === undefined ? "" : `; did you mean ${near}?`}`);
  }
  if (withDownstream && taskIds.length === 0) return invalid("downstream of which task? Name one");
  return null;
}
