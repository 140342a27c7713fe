import type { ErrorCode } from "./errors.ts";
import type { Instant, JsonObject } from "./json.ts";
import type { RunState } from "./states.ts";

/** How many runs may trigger one another below one that somebody or a schedule made. */
export const MOST_TRIGGER_DEPTH = 5;

/** A run that a task wants of another DAG. */
export interface SubRunWish {
  readonly dagId: string;
  readonly conf: JsonObject;
  readonly logicalAt: Instant | null;
  /** One run for each: the same again finds it. */
  readonly launchKey: string;
  readonly parent: { readonly dagId: string; readonly dagRunId: string };
  readonly now: Instant;
}

export interface SubRun {
  readonly runId: string;
  readonly dagId: string;
  readonly dagRunId: string;
}

export interface SubRunState {
  readonly state: RunState;
  /** Whether its DAG is paused. */
  readonly isPaused: boolean;
}

export type SubRunOutcome =
  | { readonly kind: "made"; readonly run: SubRun }
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly message: string }
  /** Too much waits for the writer: not now. */
  | { readonly kind: "busy"; readonly message: string };

/** Runs of other DAGs, as the tasks that trigger them reach them. An exception: nobody knows what came of the call. */
export interface SubRuns {
  trigger(wish: SubRunWish): Promise<SubRunOutcome>;
  /** How runs stand, by run id; one that is not there is left out. */
  look(runIds: readonly string[]): Promise<ReadonlyMap<string, SubRunState>>;
  /** Asks for a run's end; safe to repeat. */
  cancel(runId: string, by: string): Promise<void>;
}
