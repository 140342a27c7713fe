import type { ErrorCode } from "./errors.ts";
import type { DagSpec } from "./dag.ts";
import type { Instant, Json, JsonObject } from "./json.ts";
import type { TaskFailure } from "./operator.ts";
import type { RunState, RunType, TaskState } from "./states.ts";

/**
 * What the engine holds in memory and the store keeps in rows. The store maps these to tables and back and decides nothing.
 * Ids of runs are UUIDv7: time-ordered.
 */
export interface TaskKey {
  readonly runId: string;
  /** dag_task.task_no: given once per (dag, task id), never reused. */
  readonly taskNo: number;
  /** -1 when the task is not mapped. */
  readonly mapIndex: number;
}

export interface DagVersion {
  readonly versionId: string;
  readonly dagId: string;
  readonly versionNumber: number;
  readonly hash: string;
  readonly spec: DagSpec;
  /** task id -> task_no, for every task of this version. */
  readonly taskNos: Readonly<Record<string, number>>;
}

export interface DagRun {
  readonly runId: string;
  readonly dagId: string;
  /** Airflow's run id: "backfill__2026-01-01T05:00:00+00:00". */
  readonly dagRunId: string;
  readonly runType: RunType;
  readonly logicalAt: Instant | null;
  readonly intervalStartAt: Instant | null;
  readonly intervalEndAt: Instant | null;
  /** The earliest moment it may start; a scheduled run's due time. */
  readonly runAfterAt: Instant;
  readonly versionId: string;
  readonly backfillId: string | null;
  readonly conf: JsonObject;
  readonly state: RunState;
  readonly queuedAt: Instant;
  readonly startedAt: Instant | null;
  readonly endedAt: Instant | null;
  readonly triggeredBy: string;
  /** Why the run was put aside (protocol rule 7); null: it was not. */
  readonly quarantine: string | null;
  /** A person's or a rule's decision to end the whole run; it is final once its tasks are. */
  readonly ending: Ending | null;
}

/** Narrow: what changes often. Everything wide is on the attempt or in side tables. */
export interface TaskInstance extends TaskKey {
  readonly state: TaskState;
  /** The newest attempt's number; 0 before the first. Never reused. Also the launch number of protocol rule 13. */
  readonly tryNumber: number;
  /** The last try the retries allow; a clear moves it. */
  readonly maxTry: number;
  readonly startedAt: Instant | null;
  readonly endedAt: Instant | null;
  readonly retryAt: Instant | null;
}

export type EndingCause = "timeout" | "mark" | "clear" | "cancel" | "run_timeout" | "budget" | "deletion" | "duplicate";

/** A decision to end an attempt, written before the remote job is asked to stop (protocol rule 23). */
export interface Ending {
  readonly cause: EndingCause;
  /** The task's state once the remote job has ended; a timeout may be followed by a retry. */
  readonly then: "retry_or_fail" | "failed" | "success" | "skipped" | "none";
  readonly by: string;
  readonly at: Instant;
}

export type AttemptState = "open" | "succeeded" | "failed" | "orphan";

export interface Attempt extends TaskKey {
  readonly tryNumber: number;
  readonly state: AttemptState;
  readonly operator: string;
  readonly connection: string;
  readonly launchKey: string;
  /** SHA-256 (hex) of the frozen parameters. */
  readonly paramsHash: string;
  readonly intentAt: Instant;
  readonly sendBy: Instant;
  /** Not before this: throttling and capacity back off here and cost no attempt. */
  readonly submitAt: Instant;
  /** How often submit was pushed back, for the back-off. */
  readonly pushbacks: number;
  /** When a submit's outcome became unknown; null: it never was, or it was resolved. */
  readonly doubtAt: Instant | null;
  /** Whether it was ever in doubt: searched again at first observation and 16 minutes after send_by (rule 17). */
  readonly everInDoubt: boolean;
  readonly ref: Json | null;
  readonly submittedAt: Instant | null;
  readonly endedAt: Instant | null;
  readonly ending: Ending | null;
  readonly failure: TaskFailure | null;
  /** When the service is searched again for a second job of this key (rule 17); null: no search is owed. */
  readonly searchAt: Instant | null;
  /** Further remote jobs of this launch key that a search found: still to be cancelled (rule 17). */
  readonly duplicates: readonly Json[];
  /** Look again for usage then, although the task has ended (rule 11, settle). */
  readonly settleAt: Instant | null;
  /** Last log lines, kept with a failure. */
  readonly logTail: readonly string[] | null;
  /** Console and log links. */
  readonly links: readonly { readonly label: string; readonly url: string }[] | null;
}

/** One booked quantity (protocol rule 34). Money and quantities are exact decimals as text. */
export interface LedgerEntry extends TaskKey {
  readonly tryNumber: number;
  readonly usageKind: string;
  readonly kind: "accrued" | "settled" | "correction";
  readonly quantity: string;
  readonly unit: string;
  readonly unitPrice: string;
  readonly amount: string;
  readonly currency: string;
  readonly priceSource: string;
  readonly at: Instant;
}

export interface HistoryEntry extends TaskKey {
  readonly from: TaskState;
  readonly to: TaskState;
  readonly why: string;
  readonly by: string;
  readonly at: Instant;
}

export type BackfillState = "active" | "completed" | "cancelled";
export type ReprocessBehavior = "none" | "failed" | "completed";

export interface Backfill {
  readonly backfillId: string;
  readonly dagId: string;
  /** Days of ds in the DAG's zone, YYYY-MM-DD, both inclusive. */
  readonly fromDate: string;
  readonly toDate: string;
  readonly maxActiveRuns: number;
  readonly reprocess: ReprocessBehavior;
  readonly conf: JsonObject;
  readonly state: BackfillState;
  readonly createdAt: Instant;
  readonly completedAt: Instant | null;
}

/** A person's or a program's wish, waiting in the inbox (protocol rule 30). */
export type CommandBody =
  | {
      readonly kind: "backfill";
      readonly backfill: Omit<Backfill, "state" | "createdAt" | "completedAt">;
      readonly by: string;
    }
  | { readonly kind: "cancel_run"; readonly runId: string; readonly by: string }
  | { readonly kind: "adopt_run"; readonly runId: string; readonly by: string }
  | { readonly kind: "release_run"; readonly runId: string; readonly by: string };

export interface Command {
  /** A sequence: the order of the inbox. Text, because it is a bigint. */
  readonly id: string;
  readonly body: CommandBody;
}

export type CommandResult =
  | { readonly ok: true; readonly value: JsonObject }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

/** A new value of a row and the value it must still have: the store matches on state and try and counts (rule 4). */
export interface Change<T> {
  readonly from: T;
  readonly to: T;
}

/** Everything one flush writes, in one transaction. Each list may be empty. */
export interface FlushBatch {
  readonly versions: readonly DagVersionToPublish[];
  readonly backfillsCreated: readonly Backfill[];
  readonly backfillsChanged: readonly Change<Backfill>[];
  readonly runsCreated: readonly DagRun[];
  readonly runsChanged: readonly Change<DagRun>[];
  readonly tasksCreated: readonly TaskInstance[];
  readonly tasksChanged: readonly Change<TaskInstance>[];
  readonly attemptsCreated: readonly Attempt[];
  readonly attemptsChanged: readonly Change<Attempt>[];
  readonly frozenParams: readonly { readonly hash: string; readonly params: JsonObject }[];
  readonly history: readonly HistoryEntry[];
  readonly outputs: readonly (TaskKey & { readonly tryNumber: number; readonly output: Json })[];
  readonly ledger: readonly LedgerEntry[];
  readonly commandsApplied: readonly { readonly id: string; readonly result: CommandResult }[];
}

/** A version to store if it is new; task numbers come from dag_task, which only grows. */
export interface DagVersionToPublish {
  readonly version: DagVersion;
  readonly file: string;
  readonly source: string;
  readonly files: readonly { readonly path: string; readonly sha256: string; readonly bytes: Uint8Array }[];
}

/** All that a new writer needs: runs that are not final, or whose attempts still owe something. */
export interface LoadedWorld {
  readonly installationId: string;
  readonly versions: readonly DagVersion[];
  /** The newest version of each DAG that is not stale: dag id -> version id. */
  readonly currentVersion: Readonly<Record<string, string>>;
  readonly pausedDags: readonly string[];
  readonly pools: Readonly<Record<string, number>>;
  readonly backfills: readonly Backfill[];
  readonly runs: readonly DagRun[];
  readonly tasks: readonly TaskInstance[];
  /** The newest attempt of each task, and older ones that still owe something. */
  readonly attempts: readonly Attempt[];
  readonly outputs: readonly (TaskKey & { readonly output: Json })[];
  /** task id by (dag id, task_no). */
  readonly dagTasks: readonly { readonly dagId: string; readonly taskNo: number; readonly taskId: string }[];
}
