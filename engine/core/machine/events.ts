import type { Json, JsonObject } from "../json.ts";
import type { Launch, Link, Observation, Submitted, TaskFailure } from "../operator.ts";
import type { EndingCause } from "../records.ts";
import type { MarkedTaskState } from "../commands.ts";
import type { EngineSettings } from "../settings.ts";
import type { Price } from "../pricing/price.ts";

/** What can happen to one task of a run. `tryNumber` names the attempt it is about: an event for an older one is ignored. */
export type TaskEvent =
  | { readonly kind: "prepared"; readonly params: JsonObject; readonly hash: string }
  | { readonly kind: "unpreparable"; readonly failure: TaskFailure; readonly read?: number }
  /** Its `when` is false: it is not run. */
  | { readonly kind: "unwanted"; readonly why: string }
  /** What it is mapped over is being read. */
  | { readonly kind: "listing"; readonly read: number }
  /** What a mapped task is mapped over. `read`: it came of that read, and counts only while that is waited for. */
  | {
      readonly kind: "expanded";
      readonly items: readonly Json[];
      readonly labels: readonly string[] | null;
      readonly read?: number;
    }
  | { readonly kind: "admitted" }
  | {
      readonly kind: "submitted";
      readonly tryNumber: number;
      readonly result: Submitted;
      readonly links?: readonly Link[];
    }
  /** The request certainly never left: send_by had passed, or the attempt was being ended. */
  | { readonly kind: "not_sent"; readonly tryNumber: number }
  /** Every remote job of the launch key, oldest first. */
  | { readonly kind: "searched"; readonly tryNumber: number; readonly refs: readonly Json[] }
  | {
      readonly kind: "observed";
      readonly tryNumber: number;
      readonly observation: Observation;
      readonly logTail?: readonly string[];
    }
  | { readonly kind: "duplicate_cancelled"; readonly tryNumber: number; readonly ref: Json }
  /** A time that the task was waiting for has come: retry_at, the timeout, the end of a doubt. */
  | { readonly kind: "due" };

/** What can happen to a whole run. */
export type RunEvent =
  | { readonly kind: "start" }
  /** Makes more instances of a mapped task, at most `most`. */
  | { readonly kind: "map"; readonly taskAt: number; readonly most: number }
  | { readonly kind: "end"; readonly cause: EndingCause; readonly by: string; readonly why?: string }
  /** Persons' actions, on task instances by place (engine.md, People's actions). */
  | { readonly kind: "clear"; readonly places: readonly number[]; readonly by: string }
  | { readonly kind: "adopt"; readonly place: number; readonly ref: Json; readonly by: string }
  | {
      readonly kind: "mark";
      readonly places: readonly number[];
      readonly state: MarkedTaskState;
      readonly by: string;
    }
  | { readonly kind: "mark_run"; readonly state: "success" | "failed"; readonly by: string }
  | { readonly kind: "abandon" | "retry_now"; readonly places: readonly number[]; readonly by: string }
  /** The run before it has changed. */
  | { readonly kind: "past" }
  /** It is on another version of its DAG from now on: tasks may be new, and others wait for less than before. */
  | { readonly kind: "rebased" }
  /** This process has just loaded the run: what the last writer was doing is unknown. */
  | { readonly kind: "taken_over" };

/** What every decision may look at beside the run itself. */
export interface DecisionContext {
  readonly now: number;
  readonly settings: EngineSettings;
  readonly installationId: string;
  readonly launchOf: (operator: string) => Launch;
  /** What comes of a task that asks nobody; null: it asks somebody, and what comes of it is heard of later. */
  readonly decide: (operator: string, params: JsonObject) => Submitted | null;
  readonly priceOf: (usageKind: string) => Price;
  /** SHA-256 in hexadecimal. */
  readonly sha256: (text: string) => string;
}
