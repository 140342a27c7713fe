import type { Instant, Json, JsonObject } from "./json.ts";

export const TRIGGER_RULES = ["all_success", "all_done"] as const;
export type TriggerRule = (typeof TRIGGER_RULES)[number];

/** The DAG as the engine runs it: checked, defaults merged in, durations in milliseconds. Stored as JSON by content hash. */
export interface DagSpec {
  readonly dagId: string;
  readonly description?: string;
  readonly owner?: string;
  readonly tags: readonly string[];
  readonly paused: boolean;
  readonly schedule: ScheduleSpec | null;
  /** The DAG's zone: dates and times without offset, ds, finish_by. IANA name. */
  readonly timezone: string;
  readonly startAt: Instant | null;
  readonly endAt: Instant | null;
  readonly maxActiveRuns: number;
  /** What a backfill of this DAG runs side by side when nobody says otherwise. */
  readonly backfillMaxActiveRuns: number;
  readonly params: Readonly<Record<string, ParamSpec>>;
  readonly sla: readonly SlaRule[];
  /** What a run may spend; null: no limit. */
  readonly budget: BudgetSpec | null;
  readonly notify: readonly NotifyRule[];
  readonly pools: Readonly<Record<string, { readonly slots: number }>>;
  /** In the order of the file. `taskNo` is not here: the store hands it out (protocol rule 27). */
  readonly tasks: readonly TaskSpec[];
}

/** cron in wall-clock time of `timezone`; interval mode: the run at a tick covers [previous tick, this tick). */
export interface ScheduleSpec {
  readonly cron: readonly string[];
  readonly timezone: string;
  readonly catchup: boolean | { readonly windowMs: number };
}

export interface ParamSpec {
  readonly type: "string" | "number" | "integer" | "boolean";
  readonly default?: Json;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly Json[];
}

export interface SlaRule {
  readonly name: string;
  /** "06:00" or "06:00+1d": the first such wall-clock time in the DAG's zone at or after the due time. */
  readonly finishBy: { readonly hour: number; readonly minute: number; readonly days: number };
}

/** What a run may spend on remote work, counted from its start over all its attempts. */
export interface BudgetSpec {
  /** Exact decimal in `currency`, the currency of every price. */
  readonly perRun: string;
  readonly currency: "USD";
  /** Share of perRun at which people are warned. */
  readonly warnAt: number;
  /** stop: cancel what runs · block: let it finish, start nothing more · warn: only tell. Teardowns always run. */
  readonly onExceeded: "stop" | "block" | "warn";
}

/** What people can be told of. Every one is really sent. */
export const NOTIFY_EVENTS = ["sla_missed", "run_failed", "budget_warning", "budget_exceeded"] as const;
export type NotifyEvent = (typeof NOTIFY_EVENTS)[number];

export interface NotifyRule {
  readonly email: readonly string[];
  readonly on: readonly NotifyEvent[];
}

export interface TaskSpec {
  readonly taskId: string;
  readonly operator: string;
  /** Parameters with their templates still in them. */
  readonly with: JsonObject;
  /** Upstreams, from depends_on and setup_for. */
  readonly dependsOn: readonly string[];
  readonly triggerRule: TriggerRule;
  readonly isSetup: boolean;
  /** Setups this task tears down; not empty: a teardown. Runs whenever one of them succeeded (protocol rule 25). */
  readonly teardownOf: readonly string[];
  /** A teardown's failure fails the run only with this. */
  readonly failsRun: boolean;
  readonly retries: number;
  readonly retryDelayMs: number;
  readonly retryBackoff: number;
  readonly maxRetryDelayMs: number;
  /** Per attempt, counted from submitted; for sensors over all looks. null: none. */
  readonly timeoutMs: number | null;
  readonly pool: string | null;
  readonly poolSlots: number;
  readonly priority: number;
  readonly connection: string;
  readonly region: string | null;
  /** at_least_once operators only: what to do in doubt. */
  readonly onDoubt: "fail" | "resend";
}

/** A DAG as read from its file, ready to be published. */
export interface LoadedDag {
  readonly spec: DagSpec;
  /** SHA-256 (hex) over the spec and every file it names: the version's identity. */
  readonly versionHash: string;
  /** Where it was read from, for people. */
  readonly source: { readonly file: string; readonly text: string };
  /** Every file the DAG names, by its path as written in the DAG, with its bytes. */
  readonly files: readonly { readonly path: string; readonly bytes: Uint8Array; readonly sha256: string }[];
}
