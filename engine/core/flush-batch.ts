import type { AssetEvent, QueuedAsset } from "./assets/events.ts";
import type { AuditEntry, CommandResult, NoteChange } from "./commands.ts";
import type { Json, JsonObject } from "./json.ts";
import type {
  Attempt,
  Backfill,
  Booked,
  DagRun,
  DagState,
  DagVersion,
  Deadline,
  ExpansionRow,
  HistoryEntry,
  LedgerEntry,
  Mail,
  TaskInstance,
  TaskKey,
} from "./records.ts";
import type { Variable, VariableChange } from "./variables.ts";

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
  /** What tasks are mapped over; an earlier one of the same task is replaced. */
  readonly expansions: readonly ExpansionRow[];
  readonly ledger: readonly LedgerEntry[];
  readonly commandsApplied: readonly { readonly id: string; readonly result: CommandResult }[];
  readonly dagsChanged: readonly Change<DagState>[];
  readonly deadlinesCreated: readonly Deadline[];
  readonly deadlinesChanged: readonly Change<Deadline>[];
  readonly assetEvents: readonly AssetEvent[];
  /** Rows that are made, or replace what was there. */
  readonly assetsQueued: readonly QueuedAsset[];
  readonly mails: readonly Mail[];
  readonly notes: readonly NoteChange[];
  readonly audit: readonly AuditEntry[];
  readonly poolsSet: readonly { readonly pool: string; readonly slots: number }[];
  readonly variables: readonly VariableChange[];
}

/** A version to store if it is new; task numbers come from dag_task, which only grows. */
export interface DagVersionToPublish {
  readonly version: DagVersion;
  readonly file: string;
  readonly source: string;
  readonly files: readonly { readonly path: string; readonly sha256: string; readonly bytes: Uint8Array }[];
}

/** What is known of DAGs: versions of theirs, and every task number they have ever given. */
export interface DagKnowledge {
  readonly versions: readonly DagVersion[];
  /** task id by (dag id, task_no). */
  readonly dagTasks: readonly { readonly dagId: string; readonly taskNo: number; readonly taskId: string }[];
}

/**
 * All that a new writer needs: runs that are not final, or whose attempts still owe something, and the versions of their
 * DAGs and of those that have to do with assets. Those of all others are read when they are due, or somebody asks for them.
 */
export interface LoadedWorld extends DagKnowledge {
  readonly installationId: string;
  /** The newest version of each DAG, stale ones too: dag id -> version id. */
  readonly currentVersion: Readonly<Record<string, string>>;
  /** DAGs whose newest version has no schedule: there is nothing to look at; absent: that is not known of any. */
  readonly unscheduled?: ReadonlySet<string>;
  /** Every DAG, stale ones too. */
  readonly dags: readonly DagState[];
  /** Those still pending. */
  readonly deadlines: readonly Deadline[];
  /** What counts of the ledger (settled before accrued) for the attempts of `runs`. */
  readonly booked: readonly Booked[];
  /** What waits for the next runs of consumers of assets. */
  readonly assetQueue: readonly QueuedAsset[];
  readonly pools: Readonly<Record<string, number>>;
  readonly variables: readonly Variable[];
  readonly backfills: readonly Backfill[];
  readonly runs: readonly DagRun[];
  readonly tasks: readonly TaskInstance[];
  /** The newest attempt of each task, and older ones that still owe something. */
  readonly attempts: readonly Attempt[];
  readonly outputs: readonly (TaskKey & { readonly output: Json })[];
  /** Of the mapped tasks of `runs`. */
  readonly expansions: readonly ExpansionRow[];
}
