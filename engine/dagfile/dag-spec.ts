import {
  DAG_DEFAULTS,
  SCHEDULE_DEFAULTS,
  TASK_DEFAULTS,
  type BudgetSpec,
  type DagSpec,
  type ParamSpec,
  type TaskSpec,
} from "../core/dag.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { DAY_MS, Zone, dayWall, parseInstant } from "../core/schedule/zone.ts";
import type { DagInput, TaskInput } from "./schema.ts";

const DEFAULT_RETRY_DELAY_MS = 5 * 60_000;
/** A teardown frees what costs money: it tries harder than other tasks (protocol rule 25). */
const TEARDOWN_RETRIES = 10;
const DEFAULT_WARN_AT = 0.8;

/** The DAG as the engine runs it, with every default merged in. Dates that are none become null; dag-checks reports them. */
export function toDagSpec(input: DagInput): DagSpec {
  const timezone = input.schedule?.timezone ?? "UTC";
  const cron = input.schedule?.cron;
  return {
    ...DAG_DEFAULTS,
    dagId: input.dag,
    ...(input.description === undefined ? {} : { description: input.description }),
    ...(input.owner === undefined ? {} : { owner: input.owner }),
    tags: input.tags ?? [],
    paused: input.paused ?? false,
    schedule:
      cron === undefined
        ? null
        : { ...SCHEDULE_DEFAULTS, cron: [cron].flat(), timezone, catchup: input.schedule?.catchup ?? false },
    timezone,
    startAt: input.start_date === undefined ? null : parseInstant(input.start_date, timezone),
    endAt: input.end_date === undefined ? null : endOf(input.end_date, timezone),
    maxActiveRuns: input.max_active_runs ?? 16,
    backfillMaxActiveRuns: input.backfill?.max_active_runs ?? 4,
    params: mapValues(input.params ?? {}, withoutUndefined<ParamSpec>),
    sla: (input.sla ?? []).map((rule) => ({ name: rule.name, finishBy: rule.finish_by })),
    budget: toBudgetSpec(input.budget),
    notify: input.notify ?? [],
    pools: input.pools ?? {},
    tasks: Object.entries(input.tasks).map(([taskId, task]) => toTaskSpec(taskId, task, input)),
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

function toTaskSpec(taskId: string, task: TaskInput, input: DagInput): TaskSpec {
  const { defaults } = input;
  const teardownOf = task.teardown_of ?? [];
  const tasks = Object.entries(input.tasks);
  const setUpBy = tasks.filter(([, each]) => each.setup_for?.includes(taskId)).map(([id]) => id);
  // A teardown waits for whatever needs what it tears down.
  const users = teardownOf.flatMap((setup) => input.tasks[setup]?.setup_for ?? []).filter((id) => id !== taskId);
  const isTeardown = teardownOf.length > 0;
  return {
    ...TASK_DEFAULTS,
    taskId,
    operator: task.operator,
    with: (task.with ?? {}) as JsonObject,
    dependsOn: [...new Set([...(task.depends_on ?? []), ...setUpBy, ...users])],
    triggerRule: task.trigger_rule ?? "all_success",
    isSetup: (task.setup_for ?? []).length > 0 || tasks.some(([, each]) => each.teardown_of?.includes(taskId)),
    teardownOf,
    failsRun: task.fails_run ?? false,
    retries: task.retries ?? (isTeardown ? TEARDOWN_RETRIES : (defaults?.retries ?? 0)),
    retryDelayMs: task.retry_delay ?? defaults?.retry_delay ?? DEFAULT_RETRY_DELAY_MS,
    retryBackoff: task.retry_backoff ?? defaults?.retry_backoff ?? 1,
    maxRetryDelayMs: task.max_retry_delay ?? defaults?.max_retry_delay ?? DAY_MS,
    timeoutMs: task.timeout ?? defaults?.timeout ?? null,
    pool: task.pool ?? defaults?.pool ?? null,
    poolSlots: task.pool_slots ?? 1,
    priority: task.priority ?? defaults?.priority ?? 1,
    connection: task.aws?.connection ?? defaults?.aws?.connection ?? "default",
    region: task.aws?.region ?? defaults?.aws?.region ?? null,
    onDoubt: task.on_doubt ?? "fail",
  };
}

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
