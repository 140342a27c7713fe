import type { DagSpec } from "../dag.ts";
import type { Instant } from "../json.ts";
import type { PlannedRun } from "./runs.ts";

/** What a schedule wants at one moment. */
export interface DuePlan {
  /** Oldest first; at most as many as asked for: more may be due. With jitter a run's own due time is still ahead. */
  readonly runs: readonly PlannedRun[];
  /** Ticks that the catch-up rule leaves without a run, newest first; the nearest hundred. Of a DAG that is new they say nothing. */
  readonly passedOver: readonly Instant[];
  readonly scheduledUntil: Instant | null;
  /** The first tick after all of these; null: none comes any more. */
  readonly nextDueAt: Instant | null;
}

/** What planning reads of a DAG. */
export type Schedulable = Pick<DagSpec, "dagId" | "schedule" | "startAt" | "endAt">;
