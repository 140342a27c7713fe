import type { DagSpec, TaskSpec } from "../core/dag.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { DagRun, PrevSuccess } from "../core/records.ts";
import { dsOf, isoText, lastCompleteInterval } from "../core/schedule/runs.ts";
import { dayText } from "../core/schedule/zone.ts";
import type { TemplateContext } from "./template.ts";

/** What the templates of a run are rendered from. */
export interface RunArguments {
  readonly spec: DagSpec;
  readonly run: DagRun;
  /** The run's conf: also overrides params of the same name. */
  readonly conf: JsonObject;
  /** True when the work goes to local-aws. */
  readonly local: boolean;
  /** The store's variables. */
  readonly vars?: JsonObject;
  /** The DAG's last run before this one that ended in success; null: there was none. */
  readonly prevSuccess?: PrevSuccess | null;
}

/** What a task's templates are rendered from. */
export interface TemplateArguments extends RunArguments {
  readonly task: TaskSpec;
  readonly tryNumber: number;
  /** Outputs of tasks that have one, by task id. */
  readonly outputs: Readonly<Record<string, Json>>;
  /** Of a mapped task's instance; -1: the task is not mapped. */
  readonly mapIndex?: number;
  /** Of a mapped task's instance: its item of for_each. */
  readonly item?: Json;
}

/**
 * The names of docs/guide/dag-file.md. Instants are in UTC, `ds` in the DAG's zone.
 * A run without logical date takes the last complete interval before it was due (protocol rule 32).
 */
export function templateContext(given: RunArguments | TemplateArguments): TemplateContext {
  const { spec, run, conf, local, vars = {}, prevSuccess = null } = given;
  const { startAt, endAt, logicalAt } = instantsOf(spec, run);
  const ds = dsOf(spec, run);
  const ts = isoText(logicalAt);
  return {
    ds,
    ds_nodash: ds.replaceAll("-", ""),
    ds_utc: dayText(startAt),
    ts,
    ts_nodash: ts.slice(0, 19).replace(/[-:]/g, ""),
    logical_date: ts,
    data_interval_start: isoText(startAt),
    data_interval_end: isoText(endAt),
    run_id: run.dagRunId,
    run_type: run.runType,
    local,
    dag: {
      dag_id: spec.dagId,
      description: spec.description ?? null,
      owner: spec.owner ?? null,
      timezone: spec.timezone,
    },
    prev_success: prevSuccessNames(spec, prevSuccess),
    params: paramValues(spec, conf),
    conf,
    vars,
    ...("task" in given ? taskNames(given) : {}),
  };
}

function instantsOf(spec: DagSpec, run: Omit<PrevSuccess, "startedAt">) {
  const last = lastCompleteInterval(spec, run.runAfterAt);
  const startAt = run.intervalStartAt ?? last.startAt;
  return { startAt, endAt: run.intervalEndAt ?? last.endAt, logicalAt: run.logicalAt ?? startAt };
}

function prevSuccessNames(spec: DagSpec, run: PrevSuccess | null): JsonObject {
  if (run === null) {
    return { logical_date: null, ds: null, data_interval_start: null, data_interval_end: null, started_at: null };
  }
  const { startAt, endAt, logicalAt } = instantsOf(spec, run);
  return {
    logical_date: isoText(logicalAt),
    ds: dsOf(spec, run),
    data_interval_start: isoText(startAt),
    data_interval_end: isoText(endAt),
    started_at: run.startedAt === null ? null : isoText(run.startedAt),
  };
}

function taskNames({ spec, task, tryNumber, outputs, mapIndex = -1, item }: TemplateArguments): JsonObject {
  return {
    task: { task_id: task.taskId, operator: task.operator },
    try_number: tryNumber,
    map_index: mapIndex,
    ...(item === undefined ? {} : { item }),
    tasks: outputNames(spec, outputs),
  };
}

/** Outputs by task id; of a task in a group also by the way through its groups: tasks.warehouse.merge.output. */
function outputNames({ tasks }: DagSpec, outputs: Readonly<Record<string, Json>>): JsonObject {
  const names: Record<string, Json> = {};
  const entries = Object.entries(outputs).map(([taskId, output]) => [taskId, { output }] as const);
  for (const [taskId, named] of entries) names[taskId] = named;
  for (const [taskId, named] of entries) {
    if (!groupedOf(tasks).has(taskId)) continue;
    const way = taskId.split(".");
    let place = names;
    for (const segment of way.slice(0, -1)) place = (place[segment] ??= {}) as Record<string, Json>;
    place[way.at(-1) ?? ""] = { ...(place[way.at(-1) ?? ""] as JsonObject | undefined), ...named };
  }
  return names;
}

const grouped = new WeakMap<readonly TaskSpec[], ReadonlySet<string>>();

/** The tasks in groups, found once per version: a DAG of thousands of tasks renders as often. */
function groupedOf(tasks: readonly TaskSpec[]): ReadonlySet<string> {
  const known = grouped.get(tasks);
  if (known) return known;
  const found = new Set(tasks.flatMap(({ taskId, groupId }) => (groupId === null ? [] : [taskId])));
  grouped.set(tasks, found);
  return found;
}

/** Declared parameters: the run's conf before the default. One with neither is left out, and so is an error where it is used. */
function paramValues(spec: DagSpec, conf: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(spec.params).flatMap(([name, param]) => {
      const value = Object.hasOwn(conf, name) ? conf[name] : param.default;
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
