import type { ColumnType, Generated } from "kysely";
import type { NewestUpdate } from "../core/assets/events.ts";
import type { DagSpec } from "../core/dag.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type {
  Attempt,
  AttemptState,
  BackfillState,
  BudgetLevel,
  DeadlineState,
  Ending,
  LedgerEntry,
  ReprocessBehavior,
} from "../core/records.ts";
import type { CommandBody, CommandResult } from "../core/commands.ts";
import type { FailureClass } from "../core/operator.ts";
import type { ErrorCode, Problem } from "../core/errors.ts";
import type { RunState, RunType, TaskState } from "../core/states.ts";

/** timestamptz: read as epoch milliseconds. Written only by sql/statements. */
type At = ColumnType<number, never, never>;
type AtOrNull = ColumnType<number | null, never, never>;

/** The tables as kysely's queries read them (sql/migrations has the whole of them). */
export interface Database {
  readonly installation: { installation_id: string };
  readonly writer: { epoch: string; owner: string | null; expires_at: At; protocol: number };
  readonly dag: {
    dag_id: string;
    file: string;
    is_paused: boolean;
    is_stale: boolean;
    scheduled_until: AtOrNull;
    next_due_at: AtOrNull;
    failed_runs: number;
  };
  readonly dag_version: {
    version_id: string;
    dag_id: string;
    version_number: number;
    hash: string;
    spec: DagSpec;
    source: string;
    created_at: At;
  };
  readonly dag_task: { dag_id: string; task_id: string; task_no: number };
  readonly dag_file: { sha256: string; bytes: Buffer };
  readonly dag_version_file: { version_id: string; path: string; sha256: string };
  readonly pool: { pool: string; slots: number };
  readonly variable: { name: string; value: Json; description: string | null; updated_at: At };
  readonly backfill: {
    backfill_id: string;
    /** A bigint: read as text. */
    backfill_no: string;
    dag_id: string;
    from_date: string;
    to_date: string;
    /** Null: an earlier version wrote it. */
    from_at: AtOrNull;
    to_at: AtOrNull;
    max_active_runs: number;
    reprocess: ReprocessBehavior;
    conf: JsonObject;
    runs_backwards: boolean;
    only_tasks: readonly string[] | null;
    state: BackfillState;
    is_paused: boolean;
    created_at: At;
    updated_at: At;
    completed_at: AtOrNull;
  };
  readonly run_key: { run_id: string; dag_id: string; dag_run_id: string; logical_at: AtOrNull };
  readonly dag_run: {
    run_id: string;
    dag_id: string;
    dag_run_id: string;
    run_type: RunType;
    logical_at: AtOrNull;
    interval_start_at: AtOrNull;
    interval_end_at: AtOrNull;
    run_after_at: At;
    version_id: string;
    backfill_id: string | null;
    conf: JsonObject;
    state: RunState;
    queued_at: At;
    started_at: AtOrNull;
    ended_at: AtOrNull;
    triggered_by: string;
    quarantine: string | null;
    ending: Ending | null;
    budget_level: BudgetLevel;
    only_tasks: readonly string[] | null;
    concurrency_key: string | null;
    note: string | null;
    is_reopened: boolean;
    /** The run whose task triggered it; null: none did. */
    parent_run_id: string | null;
    /** How many runs stand above it. */
    depth: number;
  };
  readonly task_instance: TaskKeyColumns & {
    state: TaskState;
    try_number: number;
    max_try: number;
    started_at: AtOrNull;
    ended_at: AtOrNull;
    retry_at: AtOrNull;
  };
  readonly frozen_params: { hash: string; params: JsonObject };
  readonly attempt: TaskKeyColumns & {
    try_number: number;
    state: AttemptState;
    operator: string;
    connection: string;
    launch_key: string;
    params_hash: string;
    intent_at: At;
    send_by: At;
    submit_at: At;
    pushbacks: number;
    doubt_at: AtOrNull;
    ever_in_doubt: boolean;
    ref: Json | null;
    submitted_at: AtOrNull;
    ended_at: AtOrNull;
    ending: Ending | null;
    failure_class: FailureClass | null;
    failure_code: ErrorCode | null;
    failure_message: string | null;
    search_at: AtOrNull;
    duplicates: Attempt["duplicates"] | null;
    settle_at: AtOrNull;
    log_tail: Attempt["logTail"];
    links: Attempt["links"];
  };
  readonly task_note: TaskKeyColumns & { note: string };
  readonly output: TaskKeyColumns & { try_number: number; output: Json };
  readonly expansion: TaskKeyColumns & { items: readonly Json[]; labels: readonly string[] | null };
  /** The entries of the ledger that count (protocol rule 34). */
  readonly booked: TaskKeyColumns & {
    try_number: number;
    usage_kind: string;
    kind: LedgerEntry["kind"];
    quantity: string;
    unit: string;
    unit_price: string;
    amount: string;
    currency: string;
    price_source: string;
    at: At;
  };
  readonly deadline: {
    dag_id: string;
    due_at: At;
    rule: string;
    deadline_at: At;
    run_id: string | null;
    state: DeadlineState;
    decided_at: AtOrNull;
  };
  readonly asset_event: {
    /** A bigint: read as text. */
    event_id: string;
    asset: string;
    at: At;
    run_id: string | null;
    dag_id: string | null;
    dag_run_id: string | null;
    task_id: string | null;
    by: string;
    extra: JsonObject;
  };
  readonly asset_queue: { dag_id: string; asset: string; updates: number; newest: NewestUpdate };
  readonly import_error: {
    file: string;
    problems: ColumnType<readonly Problem[], string, string>;
    seen_at: ColumnType<number, never, number>;
  };
  readonly request_key: {
    idempotency_key: string;
    body_sha256: string;
    run_id: string;
    created_at: ColumnType<number, never, never>;
  };
  readonly command: {
    id: Generated<string>;
    state: Generated<"pending" | "applied" | "withdrawn">;
    body: ColumnType<CommandBody, string, never>;
    result: ColumnType<CommandResult | null, never, never>;
    ended_at: ColumnType<number | null, never, never>;
  };
}

interface TaskKeyColumns {
  run_id: string;
  task_no: number;
  map_index: number;
}
