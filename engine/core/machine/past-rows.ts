import type { Instant } from "../json.ts";
import type { RunState, TaskState } from "../states.ts";

/** How the run before stands, as far as tasks of this one wait for theirs there. */
export interface Past {
  readonly runId: string;
  readonly dagRunId: string;
  readonly logicalAt: Instant;
  readonly runState: RunState;
  /** false: none of its tasks has begun, so each is waited for. */
  readonly hasTasks: boolean;
  /** By task number; of a mapped task the whole. What it does not have, it has never had: nobody waits for that. */
  readonly states: ReadonlyMap<number, TaskState>;
}

/** Which run is asked for: the one before this logical date. */
export interface PastWish {
  readonly runId: string;
  readonly dagId: string;
  readonly logicalAt: Instant;
  readonly backfillId: string | null;
  /** With catchup, runs that somebody made by hand are passed over, as Airflow does. */
  readonly scheduledOnly: boolean;
  readonly taskNos: readonly number[];
}
