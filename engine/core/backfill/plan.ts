import type { DagSpec } from "../dag.ts";
import type { Instant } from "../json.ts";
import type { BackfillWish, TakenDate } from "../records.ts";
import { dsOf, type PlannedRun } from "../schedule/runs.ts";
import type { BackfillDates } from "./dates.ts";
import { decideBackfillDate, type BackfillDecision } from "./decide-date.ts";

/** What a backfill will do with each date of its range, oldest first. */
export interface BackfillPlan {
  readonly entries: readonly {
    readonly ds: string;
    readonly planned: PlannedRun;
    readonly decision: BackfillDecision;
  }[];
  /** Days whose interval is not over: their data are not complete. */
  readonly notYet: readonly string[];
}

/** `taken`: the dates among these that have a run already. The preview and the writer ask the same question. */
export function planBackfill(
  spec: DagSpec,
  { runs, notYet }: BackfillDates,
  taken: readonly TakenDate[],
  { reprocess }: Pick<BackfillWish, "reprocess">,
): BackfillPlan {
  const byDate = new Map(taken.map((each) => [each.logicalAt, each]));
  const entries = runs.map((planned) => ({
    ds: dsOf(spec, planned),
    planned,
    decision: decideBackfillDate(byDate.get(planned.logicalAt), reprocess),
  }));
  return { entries, notYet };
}

/** How many dates of a plan are made, run again, carried on since they are under way, and left alone. */
export interface BackfillCounts {
  readonly create: number;
  readonly reprocess: number;
  readonly inFlight: number;
  readonly leave: number;
  readonly notYet: number;
}

export function countsOf({ entries, notYet }: BackfillPlan): BackfillCounts {
  const counts = { create: 0, reprocess: 0, inFlight: 0, leave: 0 };
  for (const { decision } of entries) {
    if (decision.kind === "leave") counts[decision.reason === "in_flight" ? "inFlight" : "leave"]++;
    else counts[decision.kind]++;
  }
  return { ...counts, notYet: notYet.length };
}

/** The rows of a backfill's start: nothing of it has begun. */
export function newBackfill(
  wish: BackfillWish,
  bounds: { readonly fromAt: Instant; readonly toAt: Instant },
  onlyTasks: readonly string[] | null,
  now: Instant,
) {
  const { backfillId, dagId, fromDate, toDate, maxActiveRuns, reprocess, conf, runsBackwards = false } = wish;
  const asked = { backfillId, dagId, fromDate, toDate, maxActiveRuns, reprocess, conf, runsBackwards };
  const fresh = { state: "active", isPaused: false, createdAt: now, updatedAt: now, completedAt: null } as const;
  return { ...asked, ...bounds, onlyTasks, ...fresh };
}
