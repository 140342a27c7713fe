import type { DagSpec, NotifyEvent } from "./dag.ts";
import type { ErrorCode } from "./errors.ts";
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
  /** How far its spending since startedAt has been told and acted on: each step is taken once (sla-and-budget). */
  readonly budgetLevel: BudgetLevel;
  /** Only these tasks run, the others are left as they are or removed; null: all of them. */
  readonly onlyTasks: readonly string[] | null;
  /** Rendered when the run was made known to the engine; runs with the same one do not run side by side. */
  readonly concurrencyKey?: string | null;
  /** A person opened it again: when it starts, its tasks begin as they stand, and none is made anew. */
  readonly isReopened?: boolean;
}

/** The DAG's last run before one, by logical date, that ended in success, as templates name it. */
export type PrevSuccess = Pick<DagRun, "logicalAt" | "intervalStartAt" | "intervalEndAt" | "runAfterAt" | "startedAt">;

export type BudgetLevel = "ok" | "warned" | "exceeded";

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

export type EndingCause =
  "timeout" | "mark" | "clear" | "cancel" | "run_timeout" | "budget" | "deletion" | "duplicate" | "skip";

/** A decision to end an attempt, written before the remote job is asked to stop (protocol rule 23). */
export interface Ending {
  readonly cause: EndingCause;
  /** The task's state once the remote job has ended; a timeout may be followed by a retry. */
  readonly then: "retry_or_fail" | "failed" | "success" | "skipped" | "none";
  readonly by: string;
  readonly at: Instant;
  /** The reason with its figures, where `cause` alone does not say it: "spent 25.31 of 25 USD". */
  readonly why?: string;
}

export type AttemptState = "open" | "succeeded" | "failed" | "orphan";

/** A further remote job of a launch key that a search found (rule 17). */
export interface Duplicate {
  readonly ref: Json;
  /** It was asked to stop. It is remembered until the last search is over, which would find it again. */
  readonly isCancelled: boolean;
}

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
  /** Further remote jobs of this launch key; empty once each was asked to stop and no search is owed any more. */
  readonly duplicates: readonly Duplicate[];
  /** Look again for usage then, although the task has ended (rule 11, settle). */
  readonly settleAt: Instant | null;
  /** Last log lines, kept with a failure. */
  readonly logTail: readonly string[] | null;
  /** Console and log links. */
  readonly links: readonly { readonly label: string; readonly url: string }[] | null;
}

/** What a task of a run is mapped over: there before the first of its instances. */
export interface ExpansionRow extends TaskKey {
  readonly items: readonly Json[];
  /** Shown instead of the map index, one for each item; null: the index is shown. */
  readonly labels: readonly string[] | null;
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

/** What one attempt has cost so far of one kind of usage. */
export interface Booked extends TaskKey {
  readonly tryNumber: number;
  readonly usageKind: string;
  readonly unit: string;
  readonly amount: string;
  /** When the attempt's intent was written: a run's spending counts from its start. */
  readonly intentAt: Instant;
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

/** What changes about a DAG while its versions stay: scheduling follows scheduledUntil alone (protocol rule 26). */
export interface DagState {
  readonly dagId: string;
  readonly isPaused: boolean;
  /** Its file is gone: active runs finish, nothing new is planned (rule 28). */
  readonly isStale: boolean;
  /** The last tick that has been planned or passed over; null: it was never scheduled. */
  readonly scheduledUntil: Instant | null;
  /** The next tick; null: none comes, or the DAG has no schedule. Kept for those who only show it. */
  readonly nextDueAt: Instant | null;
  /** How many of its runs have failed in a row, those of backfills aside; a person who unpauses it begins anew. */
  readonly failedRuns: number;
}

export type DeadlineState = "pending" | "met" | "missed" | "dropped";

/** One finish_by of one due time; there from planning on, so that a run that never started misses too. */
export interface Deadline {
  readonly dagId: string;
  /** The tick at which its run is due. With dagId and rule: the key. */
  readonly dueAt: Instant;
  readonly rule: string;
  readonly deadlineAt: Instant;
  /** null: no run has been made for this due time. */
  readonly runId: string | null;
  /** met, missed and dropped are final. */
  readonly state: DeadlineState;
  readonly decidedAt: Instant | null;
}

/** A date of a DAG that has its run already, whatever made it; `state` null: the run has left for the archive. */
export interface TakenDate {
  readonly dagId: string;
  readonly logicalAt: Instant;
  readonly runId: string;
  readonly state: RunState | null;
  readonly endedAt: Instant | null;
}

/** A message to one address, owed from the flush that it tells of (protocol rule 11). The payload is what happened; notify renders it. */
export interface Mail {
  /** Deterministic and without angle brackets: a repeat carries the same one. */
  readonly messageId: string;
  readonly kind: NotifyEvent;
  /** One e-mail address. */
  readonly receiver: string;
  readonly subject: string;
  readonly facts: MailFacts;
  /** The run whose rows it tells of; null: of none. Not stored. */
  readonly runId: string | null;
  readonly at: Instant;
}

/** An approval that waits, and by what its decision is known. */
export interface ApprovalFacts extends TaskKey {
  readonly taskId: string;
  readonly tryNumber: number;
  readonly message: string;
  /** null: it waits for ever. */
  readonly until: Instant | null;
}

/** What a mail tells, as data. Times are engine time; money is exact decimals. */
export interface MailFacts {
  readonly dagId: string;
  /** IANA name: times are shown in it. */
  readonly timezone: string;
  readonly owner?: string;
  readonly dagRunId?: string;
  /** Of the run, in the DAG's zone. */
  readonly ds?: string;
  readonly runState?: RunState;
  readonly dueAt?: Instant;
  readonly startedAt?: Instant;
  readonly endedAt?: Instant;
  readonly sla?: {
    readonly rule: string;
    readonly finishBy: string;
    readonly deadlineAt: Instant;
    readonly waitsFor: readonly string[];
  };
  /** Earlier deadlines that a long stop let pass, told in one message. */
  readonly alsoMissed?: readonly { readonly rule: string; readonly dueAt: Instant; readonly deadlineAt: Instant }[];
  readonly budget?: {
    readonly limit: string;
    readonly spent: string;
    readonly currency: string;
    readonly onExceeded: "stop" | "block" | "warn";
    /** What spent most, dearest first. */
    readonly tasks: readonly { readonly taskId: string; readonly amount: string }[];
  };
  /** What a person is asked to decide. */
  readonly approval?: ApprovalFacts;
  /** The DAG was paused after so many failed runs in a row. */
  readonly paused?: { readonly failedRuns: number };
  readonly failures?: readonly {
    readonly taskId: string;
    readonly tryNumber: number;
    readonly code: ErrorCode;
    readonly message: string;
    /** At most 20 lines, oldest first. */
    readonly logTail: readonly string[];
    readonly links: readonly { readonly label: string; readonly url: string }[];
  }[];
}

/** Runs of a range of dates, as somebody asked for them. What an older client leaves out is as if it were false. */
export interface BackfillWish {
  readonly backfillId: string;
  readonly dagId: string;
  /** Days of ds in the DAG's zone, YYYY-MM-DD, both inclusive. */
  readonly fromDate: string;
  readonly toDate: string;
  /** The bounds as instants on the logical date, both inclusive, where they are closer than the days. */
  readonly logical?: { readonly fromAt: Instant; readonly toAt: Instant };
  readonly maxActiveRuns: number;
  readonly reprocess: ReprocessBehavior;
  readonly conf: JsonObject;
  /** The newest date first. */
  readonly runsBackwards?: boolean;
  /** Only these tasks of each run, with what they need to be set up; none: all. */
  readonly taskIds?: readonly string[];
  /** With them all that is downstream of them. */
  readonly withDownstream?: boolean;
  /** Begins although a run is expected to cost more than its budget. */
  readonly allowsOverBudget?: boolean;
}

export interface Backfill {
  readonly backfillId: string;
  readonly dagId: string;
  /** Days of ds in the DAG's zone, YYYY-MM-DD, both inclusive. */
  readonly fromDate: string;
  readonly toDate: string;
  /** The same bounds on the logical date, both inclusive. */
  readonly fromAt: Instant;
  readonly toAt: Instant;
  readonly maxActiveRuns: number;
  readonly reprocess: ReprocessBehavior;
  readonly conf: JsonObject;
  readonly runsBackwards: boolean;
  readonly onlyTasks: readonly string[] | null;
  readonly state: BackfillState;
  /** No run of it begins; those that run go on. */
  readonly isPaused: boolean;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
  readonly completedAt: Instant | null;
}
