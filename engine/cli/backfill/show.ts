import type { BackfillProgress, BackfillRow } from "../../store/read-models/backfills.ts";
import { costText, counted, isoOrNull, spanText, timeText } from "../text/figures.ts";

/** How far a backfill is, and when it should end as its runs have gone so far. */
export interface BackfillStanding {
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly running: number;
  readonly waiting: number;
  /** Runs that ended in an hour, over the time since the first began; null: none has ended. */
  readonly perHour: number | null;
  /** null: none of its runs has ended, none is left, or nothing of it begins. */
  readonly remainingMs: number | null;
}

/** What is left in waves of its width, each as long as the median of its runs. */
export function standingOf({ backfill, pace, runCounts }: BackfillProgress, now: number): BackfillStanding {
  const { success = 0, failed = 0, running = 0, queued = 0 } = runCounts;
  const left = running + queued;
  const spentMs = pace.startedAt === null ? 0 : Math.max(1, (backfill.completedAt ?? now) - pace.startedAt);
  const isTimed = pace.timedRuns > 0;
  return {
    total: success + failed + left,
    done: success + failed,
    failed,
    running,
    waiting: queued,
    perHour: isTimed ? Math.round((pace.timedRuns * 36_000_000) / spentMs) / 10 : null,
    remainingMs:
      isTimed && left > 0 && !backfill.isPaused ? Math.ceil(left / backfill.maxActiveRuns) * pace.medianMs : null,
  };
}

/** What state people call it by. */
export const stateWord = ({ state, isPaused }: Pick<BackfillRow, "state" | "isPaused">): string =>
  state === "active" && isPaused ? "paused" : state;

/** A backfill in a few lines. */
export function backfillLines(progress: BackfillProgress, now: number): string[] {
  const { backfill, costAmount, currency } = progress;
  const { number, dagId, fromDate, toDate, maxActiveRuns, reprocess, runsBackwards, onlyTasks } = backfill;
  const { total, done, failed, running, waiting, perHour, remainingMs } = standingOf(progress, now);
  const how = [
    `${maxActiveRuns} at a time`,
    ...(runsBackwards ? ["newest first"] : []),
    ...(reprocess === "none" ? [] : [`reprocess ${reprocess}`]),
    ...(onlyTasks === null ? [] : [`only ${onlyTasks.join(", ")}`]),
  ];
  const cost = costText({ amount: costAmount, currency });
  return [
    `Backfill ${number}  ${dagId}  ${fromDate} to ${toDate}  ${stateWord(backfill)}`,
    `${how.join(", ")}; made ${timeText(backfill.createdAt)}${backfill.completedAt === null ? "" : `, ended ${timeText(backfill.completedAt)}`}`,
    `${done} of ${counted(total, "run")} done, ${failed} failed, ${running} running, ${waiting} waiting`,
    ...(perHour === null ? [] : [`${perHour} runs an hour, half of them took ${spanText(progress.pace.medianMs)}`]),
    ...(remainingMs === null ? [] : [`expected end ${timeText(now + remainingMs)}, in ${spanText(remainingMs)}`]),
    ...(cost === "" ? [] : [`cost so far: ${cost}`]),
  ];
}

/** A backfill as one row for programs. */
export function backfillRow(backfill: BackfillRow): object {
  return {
    id: backfill.number,
    backfill_id: backfill.backfillId,
    dag_id: backfill.dagId,
    from: backfill.fromDate,
    to: backfill.toDate,
    state: stateWord(backfill),
    max_active_runs: backfill.maxActiveRuns,
    reprocess: backfill.reprocess,
    backwards: backfill.runsBackwards,
    only_tasks: backfill.onlyTasks,
    conf: backfill.conf,
    created_at: isoOrNull(backfill.createdAt),
    updated_at: isoOrNull(backfill.updatedAt),
    completed_at: isoOrNull(backfill.completedAt),
  };
}

/** A backfill for programs, with how far it is. */
export function backfillDocument(progress: BackfillProgress, now: number): object {
  const { total, done, failed, running, waiting, perHour, remainingMs } = standingOf(progress, now);
  return {
    ...backfillRow(progress.backfill),
    runs: { total, done, failed, running, waiting },
    runs_per_hour: perHour,
    expected_end: remainingMs === null ? null : isoOrNull(now + remainingMs),
    cost: { amount: progress.costAmount, currency: progress.currency },
  };
}
