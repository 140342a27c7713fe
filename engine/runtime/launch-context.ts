import { specAt } from "../core/machine/active-run.ts";
import type { Touched } from "../core/machine/touches.ts";
import type { OperatorContext, RunTimes } from "../core/operator.ts";
import type { Attempt } from "../core/records.ts";
import { lastCompleteInterval } from "../core/schedule/runs.ts";
import type { EngineDeps } from "./deps.ts";

/** What every call of an operator about `attempt` is given. */
export function operatorContext(
  deps: EngineDeps,
  { active, position }: Touched,
  attempt: Attempt,
  signal: AbortSignal,
  now: () => number,
): OperatorContext {
  const spec = specAt(active, position);
  return {
    dagId: active.run.dagId,
    dagRunId: active.run.dagRunId,
    taskId: spec.taskId,
    tryNumber: attempt.tryNumber,
    launchKey: attempt.launchKey,
    connection: deps.connection(attempt.connection, spec.region),
    times: timesOf(active),
    signal,
    now,
  };
}

function timesOf({ dag, run }: Touched["active"]): RunTimes {
  const { spec } = dag.version;
  const dueAt = run.runAfterAt;
  const intervalEndAt = run.intervalEndAt ?? lastCompleteInterval(spec, dueAt).endAt;
  return { timezone: spec.timezone, dueAt, intervalEndAt };
}
