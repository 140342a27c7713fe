import { cleanJson, cleanText } from "../core/clean-text.ts";
import type { Json } from "../core/json.ts";
import type { Attempt, DagRun, Deadline, LedgerEntry, MailFacts, TaskInstance } from "../core/records.ts";
import type { DagVersionToPublish, FlushBatch } from "../core/flush-batch.ts";
import { arrayLiteral } from "./array-literal.ts";
import { statementText } from "./sql-files.ts";

/** A statement of a flush: its text, and the arrays it is sent for a batch, as Postgres reads them. */
export interface FlushStatement {
  readonly name: string;
  readonly text: string;
  /** One array for each parameter, less the NULLs at its end; null: the batch has nothing for it. */
  values(batch: FlushBatch): string[] | null;
  /** The parameters of no rows at all. */
  readonly none: string[];
}

type Column<T> = (row: T) => unknown;

function statement<T>(
  name: string,
  rowsOf: (batch: FlushBatch) => readonly T[],
  columns: readonly Column<T>[],
): FlushStatement {
  const arrays = (rows: readonly T[]): string[] => columns.map((column) => arrayLiteral(rows, column));
  return {
    name,
    text: statementText(name),
    none: arrays([]),
    values: (batch) => {
      const rows = rowsOf(batch);
      return rows.length === 0 ? null : arrays(rows);
    },
  };
}

/** A document as jsonb takes it. SQL null where there is none, so that "IS NULL" means what it says. */
const jsonb = (value: unknown): string | null => (value === null ? null : JSON.stringify(cleanJson(value as Json)));

/** Lengths at which text is cut: what a person reads, not what a service can pour out. */
const MESSAGE = 8_000;
const LINE = 2_000;
const NAME = 500;
const LOG_LINES = 200;

const of = <T>(row: { readonly to: T }): T => row.to;
const changed = <T>(columns: readonly Column<T>[]): Column<{ readonly to: T }>[] =>
  columns.map((column) => (change) => column(of(change)));

const runKey: Column<DagRun>[] = [(run) => run.runId];
const runLabel: Column<DagRun>[] = [
  (run) => run.versionId,
  (run) => run.backfillId,
  (run) => jsonb(run.conf),
  (run) => run.state,
  (run) => run.queuedAt,
  (run) => run.startedAt,
  (run) => run.endedAt,
  (run) => cleanText(run.triggeredBy, NAME),
  (run) => (run.quarantine === null ? null : cleanText(run.quarantine, MESSAGE)),
  (run) => jsonb(run.ending),
  (run) => run.budgetLevel,
  (run) => jsonb(run.onlyTasks),
];

const concurrencyKey = ({ concurrencyKey: key }: DagRun): string | null =>
  key === undefined || key === null ? null : cleanText(key, NAME);

const taskKey: Column<{ readonly runId: string; readonly taskNo: number; readonly mapIndex: number }>[] = [
  (row) => row.runId,
  (row) => row.taskNo,
  (row) => row.mapIndex,
];
const tryKey: Column<Pick<Attempt, "runId" | "taskNo" | "mapIndex" | "tryNumber">>[] = [
  ...taskKey,
  (row) => row.tryNumber,
];
const taskValues: Column<TaskInstance>[] = [
  (task) => task.state,
  (task) => task.tryNumber,
  (task) => task.maxTry,
  (task) => task.startedAt,
  (task) => task.endedAt,
  (task) => task.retryAt,
];

const attemptValues: Column<Attempt>[] = [
  (attempt) => attempt.state,
  (attempt) => attempt.sendBy,
  (attempt) => attempt.submitAt,
  (attempt) => attempt.pushbacks,
  (attempt) => attempt.doubtAt,
  (attempt) => attempt.everInDoubt,
  (attempt) => jsonb(attempt.ref),
  (attempt) => attempt.submittedAt,
  (attempt) => attempt.endedAt,
  (attempt) => jsonb(attempt.ending),
  (attempt) => attempt.failure?.class ?? null,
  (attempt) => attempt.failure?.code ?? null,
  (attempt) => (attempt.failure ? cleanText(attempt.failure.message, MESSAGE) : null),
  (attempt) => attempt.searchAt,
  (attempt) => (attempt.duplicates.length === 0 ? null : jsonb(attempt.duplicates)),
  (attempt) => attempt.settleAt,
  (attempt) =>
    attempt.logTail && JSON.stringify(attempt.logTail.slice(-LOG_LINES).map((line) => cleanText(line, LINE))),
  (attempt) => jsonb(attempt.links),
];

const ledgerValues: Column<LedgerEntry>[] = [
  ...tryKey,
  (entry) => entry.usageKind,
  (entry) => entry.quantity,
  (entry) => entry.unit,
  (entry) => entry.unitPrice,
  (entry) => entry.amount,
  (entry) => entry.currency,
  (entry) => entry.priceSource,
  (entry) => entry.at,
];

const deadlineKey: Column<Deadline>[] = [
  (deadline) => deadline.dagId,
  (deadline) => deadline.dueAt,
  (deadline) => cleanText(deadline.rule, NAME),
];
const deadlineValues: Column<Deadline>[] = [
  (deadline) => deadline.deadlineAt,
  (deadline) => deadline.runId,
  (deadline) => deadline.state,
  (deadline) => deadline.decidedAt,
];

/** A mail's facts with what a service may have poured into them cut as on its attempt. */
function cutFacts(facts: MailFacts): MailFacts {
  if (facts.failures === undefined) return facts;
  const failures = facts.failures.map((failure) => ({
    ...failure,
    message: cleanText(failure.message, MESSAGE),
    logTail: failure.logTail.slice(-LOG_LINES).map((line) => cleanText(line, LINE)),
  }));
  return { ...facts, failures };
}

/**
 * Every set-based statement of a flush, in the order of its locks: commands by id, then our own rows. Versions stand between
 * the two, so that a DAG that is new has its row before it changes; the outbox, which others write too, comes last.
 */
export const COMMANDS = statement("flush_commands_applied", (batch) => batch.commandsApplied, [
  ({ id }) => id,
  ({ result }) => jsonb(result),
]);

export const ROWS: readonly FlushStatement[] = [
  statement("flush_dags_changed", (batch) => batch.dagsChanged, [
    ({ from }) => from.dagId,
    ({ from }) => from.isPaused,
    ({ from }) => from.isStale,
    ({ from }) => from.scheduledUntil,
    ({ to }) => to.isPaused,
    ({ to }) => to.isStale,
    ({ to }) => to.scheduledUntil,
    ({ to }) => to.nextDueAt,
    ({ to }) => to.failedRuns,
  ]),
  statement("flush_backfills_created", (batch) => batch.backfillsCreated, [
    (backfill) => backfill.backfillId,
    (backfill) => backfill.dagId,
    (backfill) => backfill.fromDate,
    (backfill) => backfill.toDate,
    (backfill) => backfill.fromAt,
    (backfill) => backfill.toAt,
    (backfill) => backfill.maxActiveRuns,
    (backfill) => backfill.reprocess,
    (backfill) => jsonb(backfill.conf),
    (backfill) => backfill.runsBackwards,
    (backfill) => jsonb(backfill.onlyTasks),
    (backfill) => backfill.state,
    (backfill) => backfill.isPaused,
    (backfill) => backfill.createdAt,
    (backfill) => backfill.updatedAt,
    (backfill) => backfill.completedAt,
  ]),
  statement("flush_backfills_changed", (batch) => batch.backfillsChanged, [
    ({ from }) => from.backfillId,
    ({ from }) => from.state,
    ({ to }) => to.state,
    ({ to }) => to.isPaused,
    ({ to }) => to.updatedAt,
    ({ to }) => to.completedAt,
  ]),
  statement("flush_runs_created", (batch) => batch.runsCreated, [
    ...runKey,
    (run) => run.dagId,
    (run) => cleanText(run.dagRunId, NAME),
    (run) => run.runType,
    (run) => run.logicalAt,
    (run) => run.intervalStartAt,
    (run) => run.intervalEndAt,
    (run) => run.runAfterAt,
    ...runLabel,
    concurrencyKey,
  ]),
  statement("flush_runs_changed", (batch) => batch.runsChanged, [
    ...changed(runKey),
    ({ from }) => from.state,
    ({ to }) => to.runType,
    ({ to }) => to.runAfterAt,
    ...changed(runLabel),
    ({ to }) => to.isReopened ?? false,
    ({ to }) => concurrencyKey(to),
  ]),
  statement("flush_tasks_created", (batch) => batch.tasksCreated, [...taskKey, ...taskValues]),
  statement("flush_tasks_changed", (batch) => batch.tasksChanged, [
    ...changed(taskKey),
    ({ from }) => from.state,
    ({ from }) => from.tryNumber,
    ...changed(taskValues),
  ]),
  statement("flush_frozen_params", (batch) => batch.frozenParams, [
    ({ hash }) => hash,
    ({ params }) => JSON.stringify(params),
  ]),
  statement("flush_attempts_created", (batch) => batch.attemptsCreated, [
    ...tryKey,
    (attempt) => attempt.operator,
    (attempt) => attempt.connection,
    (attempt) => attempt.launchKey,
    (attempt) => attempt.paramsHash,
    (attempt) => attempt.intentAt,
    ...attemptValues,
  ]),
  statement("flush_attempts_changed", (batch) => batch.attemptsChanged, [
    ...changed(tryKey),
    ({ from }) => from.state,
    ...changed(attemptValues),
  ]),
  statement("flush_history", (batch) => batch.history, [
    ...taskKey,
    (entry) => entry.from,
    (entry) => entry.to,
    (entry) => cleanText(entry.why, LINE),
    (entry) => cleanText(entry.by, NAME),
    (entry) => entry.at,
  ]),
  statement("flush_expansions", (batch) => batch.expansions, [
    ...taskKey,
    (row) => jsonb(row.items),
    (row) => jsonb(row.labels),
  ]),
  statement("flush_outputs", (batch) => batch.outputs, [
    ...tryKey,
    // An output may be null itself; the column may not.
    ({ output }) => JSON.stringify(cleanJson(output)),
  ]),
  statement("flush_ledger_accrued", (batch) => batch.ledger.filter((entry) => entry.kind === "accrued"), ledgerValues),
  statement("flush_ledger_booked", (batch) => batch.ledger.filter((entry) => entry.kind !== "accrued"), [
    ...ledgerValues,
    (entry) => entry.kind,
  ]),
  statement("flush_deadlines_created", (batch) => batch.deadlinesCreated, [...deadlineKey, ...deadlineValues]),
  statement("flush_deadlines_changed", (batch) => batch.deadlinesChanged, [
    ...changed(deadlineKey),
    ({ from }) => from.state,
    ...changed(deadlineValues),
  ]),
  statement("flush_asset_events", (batch) => batch.assetEvents, [
    (event) => cleanText(event.asset, NAME),
    (event) => event.at,
    ({ source }) => source?.runId ?? null,
    ({ source }) => source?.dagId ?? null,
    ({ source }) => source?.dagRunId ?? null,
    ({ source }) => source?.taskId ?? null,
    (event) => cleanText(event.by, NAME),
    (event) => jsonb(event.extra),
  ]),
  statement("flush_assets_queued", (batch) => batch.assetsQueued, [
    (row) => row.dagId,
    (row) => cleanText(row.asset, NAME),
    (row) => row.updates,
    (row) => jsonb(row.newest),
  ]),
  statement("flush_pools", (batch) => batch.poolsSet, [({ pool }) => pool, ({ slots }) => slots]),
  statement("flush_variables", (batch) => batch.variables, [
    ({ name }) => name,
    ({ to }) => (to === null ? null : jsonb(to.value)),
    ({ to }) => (to && to.description !== null ? cleanText(to.description, LINE) : null),
    ({ to }) => to?.updatedAt ?? null,
  ]),
  statement("flush_mails", (batch) => batch.mails, [
    (mail) => cleanText(mail.messageId, NAME),
    (mail) => mail.kind,
    (mail) => cleanText(mail.receiver, NAME),
    (mail) => cleanText(mail.subject, NAME),
    (mail) => jsonb(cutFacts(mail.facts)),
    (mail) => mail.at,
  ]),
  statement("flush_notes", (batch) => batch.notes, [
    ({ runId }) => runId,
    ({ taskNo }) => taskNo,
    ({ mapIndex }) => mapIndex,
    ({ note }) => (note === null ? null : cleanText(note, MESSAGE)),
  ]),
  statement("flush_audit", (batch) => batch.audit, [
    ({ at }) => at,
    ({ action }) => action,
    ({ by }) => cleanText(by, NAME),
    ({ from }) => (from === null ? null : cleanText(from, NAME)),
    ({ dagId }) => (dagId === null ? null : cleanText(dagId, NAME)),
    ({ runId }) => runId,
    ({ taskId }) => (taskId === null ? null : cleanText(taskId, NAME)),
    ({ details }) => jsonb(details),
    ({ result }) => result,
  ]),
];

export const FENCE = statementText("flush_fence");
export const VERSION = statementText("flush_version");

/** The parameters of flush_version. */
export function versionValues({ version, file, source, files }: DagVersionToPublish): unknown[] {
  const tasks = Object.entries(version.taskNos);
  const pools = Object.entries(version.spec.pools);
  return [
    version.versionId,
    version.dagId,
    version.versionNumber,
    version.hash,
    JSON.stringify(version.spec),
    cleanText(source, Infinity),
    file,
    version.spec.paused,
    tasks.map(([taskId]) => taskId),
    tasks.map(([, taskNo]) => taskNo),
    files.map(({ path }) => path),
    files.map(({ sha256 }) => sha256),
    files.map(({ bytes }) => bytes),
    pools.map(([pool]) => pool),
    pools.map(([, { slots }]) => slots),
  ];
}
