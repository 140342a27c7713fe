import type { Instant, Json, JsonObject } from "./json.ts";

/** Airflow's trigger rules; the exact table: docs/guide/trigger-rules.md. */
export const TRIGGER_RULES = [
  "all_success",
  "all_failed",
  "all_done",
  "all_done_min_one_success",
  "all_skipped",
  "one_failed",
  "one_success",
  "one_done",
  "none_failed",
  "none_failed_min_one_success",
  "none_skipped",
  "always",
] as const;
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
  /** How many tasks of one run may hold a slot at once. */
  readonly maxActiveTasks: number;
  /** After so many failed runs in a row the DAG is paused; 0: never. */
  readonly maxConsecutiveFailedRuns: number;
  /** A run that takes longer is ended and has failed; null: no limit. */
  readonly runTimeoutMs: number | null;
  /** Runs of this DAG with the same key do not run side by side; null: no key. */
  readonly concurrencyKey: ConcurrencyKey | null;
  /** Data that start a run beside the schedule; null: none. */
  readonly onAssets: AssetExpression | null;
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

/**
 * When runs are due: at the ticks of `cron` (wall-clock time of `timezone`), every `everyMs` counted from the DAG's start
 * date, again as soon as the last run has ended (`isContinuous`), or once at the start date (`isOnce`). Exactly one of the four.
 */
export interface ScheduleSpec {
  /** Several are one set of ticks; []: not by cron. */
  readonly cron: readonly string[];
  readonly everyMs: number | null;
  readonly isContinuous: boolean;
  readonly isOnce: boolean;
  /** interval: the run at a tick covers [previous tick, this tick). trigger: its logical date is the tick, the interval is empty. */
  readonly mode: "interval" | "trigger";
  readonly timezone: string;
  readonly catchup: boolean | { readonly windowMs: number };
  /** A run is due up to this long after its tick, always as long for the same tick. */
  readonly jitterMs: number;
  /** Days (YYYY-MM-DD, in `timezone`) on which no run is due. */
  readonly skipDates: readonly string[];
  /** No run is due on Saturdays and Sundays. */
  readonly businessDays: boolean;
}

export const SCHEDULE_DEFAULTS = {
  cron: [],
  everyMs: null,
  isContinuous: false,
  isOnce: false,
  mode: "interval",
  catchup: false,
  jitterMs: 0,
  skipDates: [],
  businessDays: false,
} as const satisfies Partial<ScheduleSpec>;

/** `key` is a template over the run; what happens to a run whose key is taken: it waits, ends the other, or is left out. */
export interface ConcurrencyKey {
  readonly key: string;
  readonly onConflict: "queue" | "cancel_running" | "skip";
}

/** Assets by name, joined: every one of `all` has changed since the last run, or one of `any`. */
export type AssetExpression =
  string | { readonly all: readonly AssetExpression[] } | { readonly any: readonly AssetExpression[] };

export interface ParamSpec {
  readonly type: "string" | "number" | "integer" | "boolean" | "array" | "object";
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
export const NOTIFY_EVENTS = [
  "sla_missed",
  "run_failed",
  "budget_warning",
  "budget_exceeded",
  "approval_needed",
  "dag_paused",
] as const;
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
  /** Failure classes and error codes that another try may help; null: the engine's own judgement. */
  readonly retryOn: readonly string[] | null;
  readonly pool: string | null;
  readonly poolSlots: number;
  readonly priority: number;
  /** What `priority` is summed over: the task and all its descendants, all its ancestors, or nothing. */
  readonly weightRule: WeightRule;
  /** How many instances of this task may be at work over all runs of the DAG; null: no limit. */
  readonly maxActivePerDag: number | null;
  /** Waits until this task of the run before has ended in success or was skipped. */
  readonly dependsOnPast: boolean;
  /** Like dependsOnPast, and waits for that task's direct downstreams too. */
  readonly waitForDownstream: boolean;
  /** A template: the task is skipped where it renders to something false; null: it always runs. */
  readonly when: string | null;
  /** One instance for each item; null: the task is not mapped. */
  readonly forEach: ForEach | null;
  /** Assets that its success brings up to date. */
  readonly produces: readonly string[];
  /** "warehouse" of "warehouse.merge"; null: in no group. */
  readonly groupId: string | null;
  readonly connection: string;
  readonly region: string | null;
  /** at_least_once operators only: what to do in doubt. */
  readonly onDoubt: "fail" | "resend";
}

export const WEIGHT_RULES = ["downstream", "upstream", "absolute"] as const;
export type WeightRule = (typeof WEIGHT_RULES)[number];

export interface ForEach {
  /** A list, or a template that renders to one: of a parameter, of an upstream's output, or the URI of an S3 list. */
  readonly items: Json;
  /** How many instances may be at work at once in a run; null: as many as there is room for. */
  readonly maxParallel: number | null;
  /** A template over `item`, shown instead of the number; null: the number. */
  readonly label: string | null;
}

/** What a task is when its file does not say; also what an older version's stored task is completed with. */
export const TASK_DEFAULTS = {
  retryOn: null,
  weightRule: "downstream",
  maxActivePerDag: null,
  dependsOnPast: false,
  waitForDownstream: false,
  when: null,
  forEach: null,
  produces: [],
  groupId: null,
} as const satisfies Partial<TaskSpec>;

export const DAG_DEFAULTS = {
  maxActiveTasks: 16,
  maxConsecutiveFailedRuns: 0,
  budget: null,
  notify: [],
  runTimeoutMs: null,
  concurrencyKey: null,
  onAssets: null,
} as const satisfies Partial<DagSpec>;

/** A spec as an earlier release stored it, complete. */
export const completeSpec = (stored: DagSpec): DagSpec => ({
  ...DAG_DEFAULTS,
  ...stored,
  schedule: stored.schedule && { ...SCHEDULE_DEFAULTS, ...stored.schedule },
  tasks: stored.tasks.map((task) => ({ ...TASK_DEFAULTS, ...task })),
});

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
