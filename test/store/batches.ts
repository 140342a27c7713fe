import { randomBytes, randomUUID } from "node:crypto";
import { TASK_DEFAULTS, DAG_DEFAULTS, type DagSpec, type TaskSpec } from "../../engine/core/dag.ts";
import type {
  Attempt,
  Backfill,
  DagRun,
  DagState,
  Deadline,
  LedgerEntry,
  Mail,
  TaskInstance,
} from "../../engine/core/records.ts";
import type { DagVersionToPublish, FlushBatch } from "../../engine/core/flush-batch.ts";

/** 2026-01-02 05:00:00.123 UTC: times must keep their milliseconds. */
export const AT = Date.UTC(2026, 0, 2, 5, 0, 0, 123);

export const EMPTY: FlushBatch = {
  versions: [],
  backfillsCreated: [],
  backfillsChanged: [],
  runsCreated: [],
  runsChanged: [],
  tasksCreated: [],
  tasksChanged: [],
  attemptsCreated: [],
  attemptsChanged: [],
  frozenParams: [],
  history: [],
  outputs: [],
  expansions: [],
  ledger: [],
  commandsApplied: [],
  dagsChanged: [],
  deadlinesCreated: [],
  deadlinesChanged: [],
  assetEvents: [],
  assetsQueued: [],
  mails: [],
  notes: [],
  audit: [],
  poolsSet: [],
  variables: [],
};

const taskSpec = (taskId: string): TaskSpec => ({
  ...TASK_DEFAULTS,
  taskId,
  operator: "glue.job",
  with: { job: taskId },
  dependsOn: [],
  triggerRule: "all_success",
  isSetup: false,
  teardownOf: [],
  failsRun: false,
  retries: 1,
  retryDelayMs: 1,
  retryBackoff: 1,
  maxRetryDelayMs: 1,
  timeoutMs: null,
  pool: null,
  poolSlots: 1,
  priority: 0,
  connection: "default",
  region: null,
  onDoubt: "fail",
});

export const spec = (dagId: string, taskIds: readonly string[]): DagSpec => ({
  ...DAG_DEFAULTS,
  dagId,
  tags: [],
  paused: false,
  schedule: null,
  timezone: "UTC",
  startAt: null,
  endAt: null,
  maxActiveRuns: 4,
  backfillMaxActiveRuns: 4,
  params: {},
  sla: [],
  budget: null,
  notify: [],
  pools: { glue: { slots: 3 } },
  tasks: taskIds.map(taskSpec),
});

export const version = (
  dagId: string,
  versionNumber: number,
  taskNos: Readonly<Record<string, number>>,
): DagVersionToPublish => ({
  version: {
    versionId: randomUUID(),
    dagId,
    versionNumber,
    hash: randomBytes(32).toString("hex"),
    spec: spec(dagId, Object.keys(taskNos)),
    taskNos,
  },
  file: "dags/nightly.yaml",
  source: "dag: nightly",
  files: [{ path: "sql/clean.sql", sha256: "a".repeat(64), bytes: Buffer.from("SELECT '\u0000é\\'", "utf8") }],
});

/** As the row of a DAG that was just published. */
export const dagState = (dagId: string, changes: Partial<DagState> = {}): DagState => ({
  dagId,
  isPaused: false,
  isStale: false,
  scheduledUntil: null,
  nextDueAt: null,
  failedRuns: 0,
  ...changes,
});

export const deadline = (dagId: string, changes: Partial<Deadline> = {}): Deadline => ({
  dagId,
  dueAt: AT,
  rule: "finish_by 06:00",
  deadlineAt: AT + 3_600_000,
  runId: null,
  state: "pending",
  decidedAt: null,
  ...changes,
});

export const mail = (messageId: string, changes: Partial<Mail> = {}): Mail => ({
  messageId,
  kind: "sla_missed",
  receiver: "oncall@example.com",
  subject: "nightly is late",
  facts: { dagId: "nightly", timezone: "UTC", dueAt: AT },
  runId: null,
  at: AT,
  ...changes,
});

let sequence = 0;

export const run = (publication: DagVersionToPublish, changes: Partial<DagRun> = {}): DagRun => {
  sequence += 1;
  const logicalAt = AT + sequence * 86_400_000;
  return {
    runId: randomUUID(),
    dagId: publication.version.dagId,
    dagRunId: `backfill__${new Date(logicalAt).toISOString()}`,
    runType: "backfill",
    logicalAt,
    intervalStartAt: logicalAt,
    intervalEndAt: logicalAt + 86_400_000,
    runAfterAt: logicalAt + 86_400_000,
    versionId: publication.version.versionId,
    backfillId: null,
    conf: { region: "eu" },
    state: "queued",
    queuedAt: AT,
    startedAt: null,
    endedAt: null,
    triggeredBy: "tester",
    quarantine: null,
    budgetLevel: "ok",
    onlyTasks: null,
    concurrencyKey: null,
    isReopened: false,
    ending: null,
    ...changes,
  };
};

export const task = (of: DagRun, taskNo: number, changes: Partial<TaskInstance> = {}): TaskInstance => ({
  runId: of.runId,
  taskNo,
  mapIndex: -1,
  state: "none",
  tryNumber: 0,
  maxTry: 2,
  startedAt: null,
  endedAt: null,
  retryAt: null,
  ...changes,
});

export const attempt = (of: TaskInstance, changes: Partial<Attempt> = {}): Attempt => ({
  runId: of.runId,
  taskNo: of.taskNo,
  mapIndex: of.mapIndex,
  tryNumber: of.tryNumber,
  state: "open",
  operator: "glue.job",
  connection: "default",
  launchKey: randomBytes(24).toString("hex"),
  paramsHash: "p".repeat(64),
  intentAt: AT,
  sendBy: AT + 20_000,
  submitAt: AT,
  pushbacks: 0,
  doubtAt: null,
  everInDoubt: false,
  ref: null,
  submittedAt: null,
  endedAt: null,
  ending: null,
  failure: null,
  searchAt: null,
  duplicates: [],
  settleAt: null,
  logTail: null,
  links: null,
  ...changes,
});

export const FROZEN = { hash: "p".repeat(64), params: { z: 1, a: { job: "é\u0000" } } };

export const backfill = (dagId: string, changes: Partial<Backfill> = {}): Backfill => ({
  backfillId: randomUUID(),
  dagId,
  fromDate: "2026-01-01",
  toDate: "2026-01-31",
  fromAt: AT,
  toAt: AT + 30 * 86_400_000,
  maxActiveRuns: 4,
  reprocess: "none",
  conf: {},
  runsBackwards: false,
  onlyTasks: null,
  state: "active",
  isPaused: false,
  createdAt: AT,
  updatedAt: AT,
  completedAt: null,
  ...changes,
});

export const entry = (of: Attempt, changes: Partial<LedgerEntry> = {}): LedgerEntry => ({
  runId: of.runId,
  taskNo: of.taskNo,
  mapIndex: of.mapIndex,
  tryNumber: of.tryNumber,
  usageKind: "glue.dpu_hour",
  kind: "accrued",
  quantity: "0.1",
  unit: "DPU-hour",
  unitPrice: "0.44",
  amount: "0.044",
  currency: "USD",
  priceSource: "list 2026-11",
  at: AT,
  ...changes,
});
