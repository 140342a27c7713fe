import type { Selectable } from "kysely";
import type { Attempt, Backfill, DagRun, DagState, Deadline, TaskInstance } from "../core/records.ts";
import type { Variable } from "../core/variables.ts";
import type { Database } from "./tables.ts";

const DAY_MS = 86_400_000;

/** Rows as the engine holds them. */
export const toRun = (row: Selectable<Database["dag_run"]>): DagRun => ({
  runId: row.run_id,
  dagId: row.dag_id,
  dagRunId: row.dag_run_id,
  runType: row.run_type,
  logicalAt: row.logical_at,
  intervalStartAt: row.interval_start_at,
  intervalEndAt: row.interval_end_at,
  runAfterAt: row.run_after_at,
  versionId: row.version_id,
  backfillId: row.backfill_id,
  conf: row.conf,
  state: row.state,
  queuedAt: row.queued_at,
  startedAt: row.started_at,
  endedAt: row.ended_at,
  triggeredBy: row.triggered_by,
  quarantine: row.quarantine,
  ending: row.ending,
  budgetLevel: row.budget_level,
  onlyTasks: row.only_tasks,
  concurrencyKey: row.concurrency_key,
  isReopened: row.is_reopened,
});

export const toDagState = (row: Selectable<Database["dag"]>): DagState => ({
  dagId: row.dag_id,
  isPaused: row.is_paused,
  isStale: row.is_stale,
  scheduledUntil: row.scheduled_until,
  nextDueAt: row.next_due_at,
  failedRuns: row.failed_runs,
});

export const toVariable = (row: Selectable<Database["variable"]>): Variable => ({
  name: row.name,
  value: row.value,
  description: row.description,
  updatedAt: row.updated_at,
});

export const toDeadline = (row: Selectable<Database["deadline"]>): Deadline => ({
  dagId: row.dag_id,
  dueAt: row.due_at,
  rule: row.rule,
  deadlineAt: row.deadline_at,
  runId: row.run_id,
  state: row.state,
  decidedAt: row.decided_at,
});

export const toTask = (row: Selectable<Database["task_instance"]>): TaskInstance => ({
  runId: row.run_id,
  taskNo: row.task_no,
  mapIndex: row.map_index,
  state: row.state,
  tryNumber: row.try_number,
  maxTry: row.max_try,
  startedAt: row.started_at,
  endedAt: row.ended_at,
  retryAt: row.retry_at,
});

export const toAttempt = (row: Selectable<Database["attempt"]>): Attempt => ({
  runId: row.run_id,
  taskNo: row.task_no,
  mapIndex: row.map_index,
  tryNumber: row.try_number,
  state: row.state,
  operator: row.operator,
  connection: row.connection,
  launchKey: row.launch_key,
  paramsHash: row.params_hash,
  intentAt: row.intent_at,
  sendBy: row.send_by,
  submitAt: row.submit_at,
  pushbacks: row.pushbacks,
  doubtAt: row.doubt_at,
  everInDoubt: row.ever_in_doubt,
  ref: row.ref,
  submittedAt: row.submitted_at,
  endedAt: row.ended_at,
  ending: row.ending,
  failure: toFailure(row),
  searchAt: row.search_at,
  duplicates: row.duplicates ?? [],
  settleAt: row.settle_at,
  logTail: row.log_tail,
  links: row.links,
});

function toFailure(row: Selectable<Database["attempt"]>): Attempt["failure"] {
  const { failure_class: failureClass, failure_code: code, failure_message: message } = row;
  return failureClass === null || code === null || message === null ? null : { class: failureClass, code, message };
}

export const toBackfill = (row: Selectable<Database["backfill"]>): Backfill => ({
  backfillId: row.backfill_id,
  dagId: row.dag_id,
  fromDate: row.from_date,
  toDate: row.to_date,
  fromAt: row.from_at ?? Date.parse(row.from_date),
  toAt: row.to_at ?? Date.parse(row.to_date) + DAY_MS - 1,
  maxActiveRuns: row.max_active_runs,
  reprocess: row.reprocess,
  conf: row.conf,
  runsBackwards: row.runs_backwards,
  onlyTasks: row.only_tasks,
  state: row.state,
  isPaused: row.is_paused,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
  completedAt: row.completed_at,
});
