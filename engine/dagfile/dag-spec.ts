import {
  DAG_DEFAULTS,
  TASK_DEFAULTS,
  type BudgetSpec,
  type DagSpec,
  type ForEach,
  type ParamSpec,
  type TaskSpec,
} from "../core/dag.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { DAY_MS, Zone, dayWall, parseInstant } from "../core/schedule/zone.ts";
import type { Dependencies } from "./dependencies.ts";
import type { FlatDag, FlatTask } from "./flat-tasks.ts";
import { toScheduleSpec } from "./schedule-input.ts";
import type { DagInput } from "./schema.ts";
import type { Defaults, TaskInput } from "./task-schema.ts";

const DEFAULT_RETRY_DELAY_MS = 5 * 60_000;
/** A teardown frees what costs money: it tries harder than other tasks (protocol rule 25). */
const TEARDOWN_RETRIES = 10;
const DEFAULT_WARN_AT = 0.8;

/** The DAG as the engine runs it, with every default merged in. Dates that are none become null; dag-checks reports them. */
export function toDagSpec(input: DagInput, flat: FlatDag, dependencies: Dependencies): DagSpec {
  const timezone = input.schedule?.timezone ?? "UTC";
  const schedule = toScheduleSpec(input.schedule);
  return {
    ...DAG_DEFAULTS,
    dagId: input.dag,
    ...(input.description === undefined ? {} : { description: input.description }),
    ...(input.owner === undefined ? {} : { owner: input.owner }),
    tags: input.tags ?? [],
    paused: input.paused ?? false,
    schedule,
    timezone,
    startAt: input.start_date === undefined ? null : parseInstant(input.start_date, timezone),
    endAt: input.end_date === undefined ? null : endOf(input.end_date, timezone),
    maxActiveRuns: input.max_active_runs ?? (schedule?.isContinuous ? 1 : 16),
    maxActiveTasks: input.max_active_tasks ?? DAG_DEFAULTS.maxActiveTasks,
    maxConsecutiveFailedRuns: input.max_consecutive_failed_runs ?? DAG_DEFAULTS.maxConsecutiveFailedRuns,
    runTimeoutMs: input.run_timeout ?? null,
    concurrencyKey: input.concurrency_key
      ? { key: input.concurrency_key.key, onConflict: input.concurrency_key.on_conflict ?? "queue" }
      : null,
    onAssets: input.on_assets ?? null,
    backfillMaxActiveRuns: input.backfill?.max_active_runs ?? 4,
    params: mapValues(input.params ?? {}, withoutUndefined<ParamSpec>),
    sla: (input.sla ?? []).map((rule) => ({ name: rule.name, finishBy: rule.finish_by })),
    budget: toBudgetSpec(input.budget),
    notify: input.notify ?? [],
    pools: input.pools ?? {},
    tasks: toTaskSpecs(flat, dependencies),
  };
}

const toBudgetSpec = (budget: DagInput["budget"]): BudgetSpec | null =>
  budget === undefined
    ? null
    : {
        perRun: budget.per_run,
        currency: "USD",
        warnAt: budget.warn_at ?? DEFAULT_WARN_AT,
        onExceeded: budget.on_exceeded ?? "block",
      };

function toTaskSpecs({ tasks }: FlatDag, { edges, users, setups }: Dependencies): TaskSpec[] {
  const dependsOn = new Map(tasks.map(({ taskId }) => [taskId, new Array<string>()]));
  for (const { from, to } of edges) dependsOn.get(to)?.push(from);
  const tornDown = new Set([...setups.values()].flat());
  return tasks.map((flat) => {
    const teardownOf = setups.get(flat.taskId) ?? [];
    return {
      ...toTaskSpec(flat, (flat.task.teardown_of ?? []).length > 0),
      dependsOn: dependsOn.get(flat.taskId) ?? [],
      isSetup: users.has(flat.taskId) || tornDown.has(flat.taskId),
      teardownOf,
    };
  });
}

type OwnKeys = Omit<TaskSpec, "dependsOn" | "isSetup" | "teardownOf">;

function toTaskSpec({ taskId, task, groupId, defaults }: FlatTask, isTeardown: boolean): OwnKeys {
  // A teardown runs whatever became of earlier runs (protocol rule 25).
  const past: Defaults = isTeardown ? {} : { ...defaults, ...task };
  const waitForDownstream = past.wait_for_downstream ?? false;
  return {
    taskId,
    operator: task.operator,
    with: (task.with ?? {}) as JsonObject,
    triggerRule: task.trigger_rule ?? "all_success",
    failsRun: task.fails_run ?? false,
    retries: task.retries ?? (isTeardown ? TEARDOWN_RETRIES : (defaults.retries ?? 0)),
    retryDelayMs: task.retry_delay ?? defaults.retry_delay ?? DEFAULT_RETRY_DELAY_MS,
    retryBackoff: task.retry_backoff ?? defaults.retry_backoff ?? 1,
    maxRetryDelayMs: task.max_retry_delay ?? defaults.max_retry_delay ?? DAY_MS,
    retryOn: task.retry_on ?? defaults.retry_on ?? TASK_DEFAULTS.retryOn,
    timeoutMs: task.timeout ?? defaults.timeout ?? null,
    pool: task.pool ?? defaults.pool ?? null,
    poolSlots: task.pool_slots ?? 1,
    priority: task.priority ?? defaults.priority ?? 1,
    weightRule: task.weight_rule ?? defaults.weight_rule ?? TASK_DEFAULTS.weightRule,
    maxActivePerDag: task.max_active_per_dag ?? TASK_DEFAULTS.maxActivePerDag,
    dependsOnPast: past.depends_on_past === true || waitForDownstream,
    waitForDownstream,
    when: task.when ?? TASK_DEFAULTS.when,
    forEach: task.for_each === undefined ? null : toForEach(task.for_each),
    produces: task.produces ?? TASK_DEFAULTS.produces,
    groupId,
    connection: task.aws?.connection ?? defaults.aws?.connection ?? "default",
    region: task.aws?.region ?? defaults.aws?.region ?? null,
    onDoubt: task.on_doubt ?? "fail",
  };
}

const toForEach = ({ items, ...rest }: NonNullable<TaskInput["for_each"]>): ForEach => ({
  items,
  maxParallel: ("max_parallel" in rest ? rest.max_parallel : undefined) ?? null,
  label: ("label" in rest ? rest.label : undefined) ?? null,
});

/** A date without a time includes its day: up to its last millisecond. */
function endOf(text: string, zone: string): number | null {
  const day = dayWall(text);
  return day === null ? parseInstant(text, zone) : Zone.of(zone).firstInstant(day + DAY_MS) - 1;
}

function mapValues<A, B>(object: Readonly<Record<string, A>>, change: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

function withoutUndefined<T>(value: { readonly [key: string]: Json | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}
