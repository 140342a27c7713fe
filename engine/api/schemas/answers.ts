import { z } from "zod";
import { RUN_STATES } from "../../core/states.ts";

/** Answers in Airflow 3's fields (its clients 3.0 to 3.2 read them strictly); what Nocturne has no such thing for is null. */
const at = z.string().meta({ format: "date-time" });
const atOrNull = at.nullable();
const count = z.int();

const VersionAnswer = z
  .object({
    id: z.string().meta({ format: "uuid" }),
    version_number: count,
    dag_id: z.string(),
    dag_display_name: z.string(),
    created_at: at,
    bundle_name: z.null(),
    bundle_version: z.null(),
    bundle_url: z.null(),
  })
  .meta({ id: "DagVersionResponse" });

export const RUN_TYPE_NAMES = ["backfill", "scheduled", "manual", "asset_triggered", "asset_materialization"] as const;
export const TRIGGERED_BY = ["cli", "operator", "rest_api", "ui", "test", "timetable", "asset", "backfill"] as const;

export const RunAnswer = z
  .object({
    dag_run_id: z.string(),
    dag_id: z.string(),
    dag_display_name: z.string(),
    logical_date: atOrNull,
    queued_at: at,
    start_date: atOrNull,
    end_date: atOrNull,
    duration: z.number().nullable().meta({ description: "Seconds" }),
    data_interval_start: atOrNull,
    data_interval_end: atOrNull,
    run_after: at,
    last_scheduling_decision: z.null(),
    run_type: z.enum(RUN_TYPE_NAMES),
    state: z.enum(RUN_STATES),
    triggered_by: z.enum(TRIGGERED_BY).nullable(),
    triggering_user_name: z.string().nullable(),
    conf: z.record(z.string(), z.unknown()),
    note: z.string().nullable(),
    dag_versions: z.array(VersionAnswer),
    bundle_version: z.null(),
    partition_key: z.null(),
  })
  .meta({ id: "DAGRunResponse" });

export const RunsAnswer = z
  .object({ dag_runs: z.array(RunAnswer), total_entries: count })
  .meta({ id: "DAGRunCollectionResponse" });

const TASK_STATE_NAMES = [
  "removed",
  "scheduled",
  "queued",
  "running",
  "success",
  "restarting",
  "failed",
  "up_for_retry",
  "up_for_reschedule",
  "upstream_failed",
  "skipped",
  "deferred",
] as const;

export const TaskInstanceAnswer = z
  .object({
    id: z.string().meta({ format: "uuid" }),
    task_id: z.string(),
    dag_id: z.string(),
    dag_run_id: z.string(),
    map_index: count,
    logical_date: atOrNull,
    run_after: at,
    start_date: atOrNull,
    end_date: atOrNull,
    duration: z.number().nullable().meta({ description: "Seconds" }),
    state: z.enum(TASK_STATE_NAMES).nullable(),
    try_number: count,
    max_tries: count,
    task_display_name: z.string(),
    dag_display_name: z.string(),
    hostname: z.null(),
    unixname: z.null(),
    pool: z.string(),
    pool_slots: count,
    queue: z.null(),
    priority_weight: count.nullable(),
    operator: z.string().nullable(),
    operator_name: z.string().nullable(),
    queued_when: atOrNull,
    scheduled_when: z.null(),
    pid: z.null(),
    executor: z.null(),
    executor_config: z.string(),
    note: z.string().nullable(),
    rendered_map_index: z.string().nullable(),
    rendered_fields: z.record(z.string(), z.unknown()),
    trigger: z.null(),
    triggerer_job: z.null(),
    dag_version: VersionAnswer,
  })
  .meta({ id: "TaskInstanceResponse" });

export const TaskInstancesAnswer = z
  .object({ task_instances: z.array(TaskInstanceAnswer), total_entries: count })
  .meta({ id: "TaskInstanceCollectionResponse" });

export const DagAnswer = z
  .object({
    dag_id: z.string(),
    dag_display_name: z.string(),
    description: z.string().nullable(),
    is_paused: z.boolean(),
    is_stale: z.boolean(),
    fileloc: z.string(),
    relative_fileloc: z.string(),
    file_token: z.string(),
    owners: z.array(z.string()),
    tags: z.array(z.object({ name: z.string(), dag_id: z.string(), dag_display_name: z.string() })),
    timetable_summary: z.string().nullable(),
    timetable_description: z.string().nullable(),
    timetable_partitioned: z.boolean(),
    max_active_runs: count,
    max_active_tasks: count,
    max_consecutive_failed_dag_runs: count,
    has_task_concurrency_limits: z.boolean(),
    has_import_errors: z.boolean(),
    next_dagrun_logical_date: atOrNull,
    next_dagrun_data_interval_start: atOrNull,
    next_dagrun_data_interval_end: atOrNull,
    next_dagrun_run_after: atOrNull,
    last_parsed_time: z.null(),
    last_parse_duration: z.null(),
    last_expired: z.null(),
    bundle_name: z.null(),
    bundle_version: z.null(),
    allowed_run_types: z.null(),
  })
  .meta({ id: "DAGResponse" });

export const DagsAnswer = z
  .object({ dags: z.array(DagAnswer), total_entries: count })
  .meta({ id: "DAGCollectionResponse" });

export const ImportErrorsAnswer = z
  .object({
    import_errors: z.array(
      z.object({
        import_error_id: count,
        timestamp: at,
        filename: z.string(),
        bundle_name: z.null(),
        stack_trace: z.string().meta({ description: "Every problem of the file, one a line" }),
      }),
    ),
    total_entries: count,
  })
  .meta({ id: "ImportErrorCollectionResponse" });

export const BackfillAnswer = z
  .object({
    id: count.min(0),
    dag_id: z.string(),
    dag_display_name: z.string(),
    from_date: at,
    to_date: at,
    dag_run_conf: z.record(z.string(), z.unknown()),
    is_paused: z.boolean(),
    reprocess_behavior: z.enum(["none", "failed", "completed"]),
    max_active_runs: count,
    created_at: at,
    completed_at: atOrNull,
    updated_at: at,
  })
  .meta({ id: "BackfillResponse" });

export const BackfillsAnswer = z
  .object({ backfills: z.array(BackfillAnswer), total_entries: count })
  .meta({ id: "BackfillCollectionResponse" });

export const DryRunAnswer = z
  .object({
    backfills: z.array(z.object({ logical_date: at })),
    total_entries: count,
    left_alone: z.array(z.object({ logical_date: at, reason: z.enum(["in_flight", "already_exists", "archived"]) })),
    estimate: z
      .object({
        based_on_runs: count,
        seconds: z.number(),
        cost: z.string().nullable(),
        currency: z.string().nullable(),
      })
      .nullable()
      .meta({ description: "From the DAG's last successful runs; null: there is none" }),
    would_be_refused: z.string().nullable(),
  })
  .meta({ id: "DryRunBackfillCollectionResponse" });

const part = z.string().nullable().meta({ description: "healthy, unhealthy, or null: there is no such part" });

export const HealthAnswer = z
  .object({
    metadatabase: z.object({ status: part }),
    scheduler: z.object({ status: part, latest_scheduler_heartbeat: atOrNull }),
    triggerer: z.object({ status: part, latest_triggerer_heartbeat: z.null() }),
    dag_processor: z.object({ status: part, latest_dag_processor_heartbeat: z.null() }),
    ready: z.boolean(),
    detail: z.string().nullable(),
    writer: z.object({ is_held: z.boolean() }).nullable(),
    commands: z.object({ pending: count }).nullable(),
    mail: z.object({ pending: count, trouble: z.string().nullable() }).nullable(),
    dags: z.object({ import_errors: count }).nullable(),
  })
  .meta({ id: "HealthInfoResponse" });

export const VersionInfoAnswer = z
  .object({ version: z.string(), git_version: z.string().nullable() })
  .meta({ id: "VersionInfo" });

const ErrorAnswer = z
  .object({ detail: z.string(), code: z.string(), request_id: z.string() })
  .meta({ id: "ErrorResponse" });

const InvalidAnswer = z
  .object({
    detail: z.union([
      z.string(),
      z.array(z.object({ loc: z.array(z.union([z.string(), z.number()])), msg: z.string(), type: z.string() })),
    ]),
    code: z.string(),
    request_id: z.string(),
  })
  .meta({ id: "HTTPValidationError" });

const MEANINGS = {
  400: "The body is no JSON",
  401: "No valid token",
  403: "The token's role or DAGs do not allow it",
  404: "There is no such thing",
  409: "It is at odds with what is there: such a run, a backfill under way or ended, a budget",
  413: "The body is too large",
  415: "The body is not declared as JSON",
  422: "Fields are wrong, or the Idempotency-Key belongs to another request",
  429: "Too much waits for the writer; Retry-After says when to try again",
  503: "The database is away, or nobody carried it out; Retry-After says when to try again",
} as const;

type Status = keyof typeof MEANINGS;
type Refusal = Record<"content", Record<"application/json", { readonly schema: z.ZodType }>>;

/** The schemas of a route's refusals. */
export function refusals<S extends Status>(...statuses: readonly S[]): Record<S, Refusal> {
  const answers: Partial<Record<Status, Refusal & { readonly description: string }>> = {};
  for (const status of statuses) {
    const schema = status === 422 ? InvalidAnswer : ErrorAnswer;
    answers[status] = { description: MEANINGS[status], content: { "application/json": { schema } } };
  }
  return answers as Record<S, Refusal>;
}
