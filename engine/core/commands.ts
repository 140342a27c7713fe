import type { Verdict } from "./approval.ts";
import type { ErrorCode } from "./errors.ts";
import type { Instant, Json, JsonObject } from "./json.ts";
import type { BackfillWish } from "./records.ts";
import type { VariableWish } from "./variables.ts";

/** Which task instances of a run a person means; with `past` and `future` those of the DAG's other runs too. */
export interface TaskWish {
  /** Ids or globs; `mapIndex` null: the whole task. null: every task. */
  readonly tasks: readonly { readonly task: string; readonly mapIndex: number | null }[] | null;
  readonly withUpstream?: boolean;
  readonly withDownstream?: boolean;
  /** Runs of earlier, or later, logical dates as well. */
  readonly past?: boolean;
  readonly future?: boolean;
  /** Of these only what has failed, or was stopped by a failure. */
  readonly onlyFailed?: boolean;
  /** Of these only what is under way. */
  readonly onlyRunning?: boolean;
}

export type MarkedTaskState = "success" | "failed" | "skipped";

/** What a person can ask of runs and task instances (protocol rules 23 to 25). `runId` is the run it was said of. */
export type PeopleBody =
  | {
      readonly kind: "clear_tasks";
      readonly runId: string;
      readonly wish: TaskWish;
      /** Puts the whole run on the newest version of its DAG. */
      readonly onLatest?: boolean;
      /** What AWS does not confirm the end of is given up for the state, and still observed and billed. */
      readonly abandons?: boolean;
      /** A job that is there already: the task's next attempt follows it and submits nothing. */
      readonly adopts?: Json;
    }
  | {
      readonly kind: "mark_tasks";
      readonly runId: string;
      readonly wish: TaskWish;
      readonly state: MarkedTaskState;
    }
  | { readonly kind: "abandon_tasks"; readonly runId: string; readonly wish: TaskWish }
  | { readonly kind: "retry_tasks"; readonly runId: string; readonly wish: TaskWish }
  | { readonly kind: "mark_run"; readonly runId: string; readonly state: "success" | "failed" }
  | { readonly kind: "note_run"; readonly runId: string; readonly note: string | null }
  | {
      readonly kind: "note_task";
      readonly runId: string;
      readonly taskId: string;
      readonly mapIndex: number;
      readonly note: string | null;
    };

/** Somebody's word about an approval; `tryNumber` where only that try is meant: a link in a mail. */
export interface ApprovalWish {
  readonly runId: string;
  readonly taskId: string;
  readonly mapIndex: number;
  readonly tryNumber: number | null;
  readonly decision: Verdict;
  readonly note: string | null;
}

/** A person's or a program's wish, waiting in the inbox (protocol rule 30). `from`: the machine or address it came from. */
export type CommandBody = { readonly by: string; readonly from?: string } & (PeopleBody | SystemBody);

type SystemBody =
  | { readonly kind: "backfill"; readonly backfill: BackfillWish; readonly by: string }
  | { readonly kind: "pause_backfill"; readonly backfillId: string; readonly isPaused: boolean; readonly by: string }
  | { readonly kind: "cancel_backfill"; readonly backfillId: string; readonly by: string }
  | { readonly kind: "cancel_run"; readonly runId: string; readonly by: string }
  | { readonly kind: "adopt_run"; readonly runId: string; readonly by: string }
  | { readonly kind: "release_run"; readonly runId: string; readonly by: string }
  | ({ readonly kind: "decide_approval"; readonly by: string } & ApprovalWish)
  | { readonly kind: "emit_asset"; readonly asset: string; readonly extra: JsonObject; readonly by: string }
  | { readonly kind: "set_pool"; readonly pool: string; readonly slots: number; readonly by: string }
  | ({ readonly kind: "set_variable"; readonly by: string } & VariableWish)
  | { readonly kind: "pause_dag"; readonly dagId: string; readonly isPaused: boolean; readonly by: string };

export interface Command {
  /** A sequence: the order of the inbox. Text, because it is a bigint. */
  readonly id: string;
  readonly body: CommandBody;
}

/** What a person did, or asked for and was refused, for good (audit log). */
export interface AuditEntry {
  /** The command's body kind, or trigger_run, create_token, revoke_token. */
  readonly action: string;
  /** "cli:ana", "rest_api:tok_…". */
  readonly by: string;
  /** A machine's name or an address; null: not known. */
  readonly from: string | null;
  readonly dagId: string | null;
  readonly runId: string | null;
  readonly taskId: string | null;
  /** What was asked, and what became of it. */
  readonly details: JsonObject;
  /** "done", or the code of its refusal. */
  readonly result: string;
  readonly at: Instant;
}

/** A note as it is from now on; null: there is none any more. Of the run itself: `taskNo` null. */
export interface NoteChange {
  readonly runId: string;
  readonly taskNo: number | null;
  readonly mapIndex: number;
  readonly note: string | null;
}

export type CommandResult =
  | { readonly ok: true; readonly value: JsonObject }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };
