import type { DagSpec, TaskSpec } from "../core/dag.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { DagRun } from "../core/records.ts";
import { dsOf, isoText, lastCompleteInterval } from "../core/schedule/runs.ts";
import { dayText } from "../core/schedule/zone.ts";
import type { TemplateContext } from "./template.ts";

/** What a task's templates are rendered from. */
export interface TemplateArguments {
  readonly spec: DagSpec;
  readonly run: DagRun;
  readonly task: TaskSpec;
  readonly tryNumber: number;
  /** Outputs of tasks that have one, by task id. */
  readonly outputs: Readonly<Record<string, Json>>;
  /** The run's conf: also overrides params of the same name. */
  readonly conf: JsonObject;
  /** True when the work goes to local-aws. */
  readonly local: boolean;
}

/**
 * The names of docs/guide/dag-file.md. Instants are in UTC, `ds` in the DAG's zone.
 * A run without logical date takes the last complete interval before it was due (protocol rule 32).
 */
export function templateContext({
  spec,
  run,
  task,
  tryNumber,
  outputs,
  conf,
  local,
}: TemplateArguments): TemplateContext {
  const last = lastCompleteInterval(spec, run.runAfterAt);
  const startAt = run.intervalStartAt ?? last.startAt;
  const endAt = run.intervalEndAt ?? last.endAt;
  const logicalAt = run.logicalAt ?? startAt;
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
    try_number: tryNumber,
    local,
    dag: {
      dag_id: spec.dagId,
      description: spec.description ?? null,
      owner: spec.owner ?? null,
      timezone: spec.timezone,
    },
    task: { task_id: task.taskId, operator: task.operator },
    params: paramValues(spec, conf),
    conf,
    tasks: Object.fromEntries(Object.entries(outputs).map(([taskId, output]) => [taskId, { output }])),
  };
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
