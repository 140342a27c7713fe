import type { TriggerRule } from "../../engine/core/dag.ts";
import type { Certainty } from "./certainty.ts";
import type { Incident } from "./incidents.ts";

/** What a task does. Launch kinds: token (athena, redshift, terminate), find (glue, cluster, step), name (trigger), in process. */
export type Kind = "noop" | "shell" | "athena" | "redshift" | "glue" | "trigger" | "cluster" | "step" | "terminate";

/** More tries than any task has: it never succeeds. */
export const ALWAYS = 99;

export interface PlannedItem {
  readonly n: number;
  readonly fails: number;
}

/**
 * A task and the truth about it. `fails` is how many first tries fail: none, as many as the retries make good, or ALWAYS.
 * So a task comes to the same end however often it is begun anew.
 */
export interface PlannedTask {
  readonly id: string;
  readonly kind: Kind;
  readonly dependsOn: readonly string[];
  readonly rule: TriggerRule;
  readonly retries: number;
  /** By day. */
  readonly fails: readonly number[];
  /** By day; false: its `when` is false. */
  readonly isWanted: readonly boolean[];
  /** The setup it tears down. */
  readonly teardownOf: string | null;
  readonly setupFor: readonly string[];
  readonly pool: string | null;
  /** One instance for each; null: not mapped. */
  readonly items: readonly PlannedItem[] | null;
  /** The upstream whose output holds the items; null: they stand in the file. */
  readonly itemsFrom: string | null;
  /** Its own part of the number in its output; that of each in `reads` comes on top. */
  readonly n: number;
  readonly reads: readonly string[];
  readonly sleepMs: number;
}

export interface PlannedDag {
  readonly id: string;
  readonly tasks: readonly PlannedTask[];
  readonly maxActiveTasks: number;
}

export interface Plan {
  readonly seed: number;
  readonly certainty: Certainty;
  readonly main: PlannedDag;
  /** The DAG that `trigger` tasks run; null: there are none. */
  readonly child: PlannedDag | null;
  readonly days: readonly string[];
  readonly maxActiveRuns: number;
  readonly poolSlots: number;
  readonly processes: number;
  readonly incidents: readonly Incident[];
}
