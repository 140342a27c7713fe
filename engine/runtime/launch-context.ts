import type { ActiveRun } from "../core/machine/active-run.ts";
import type { Touched } from "../core/machine/world.ts";
import type { OperatorContext } from "../core/operator.ts";
import type { Attempt } from "../core/records.ts";
import type { TaskSpec } from "../core/dag.ts";
import type { EngineDeps } from "./deps.ts";

export function specOf(active: ActiveRun, position: number): TaskSpec {
  const spec = active.dag.tasks[position];
  if (!spec) throw new Error(`${active.run.dagRunId} has no task at position ${position}`);
  return spec;
}

/** What every call of an operator about `attempt` is given. */
export function operatorContext(
  deps: EngineDeps,
  { active, position }: Touched,
  attempt: Attempt,
  signal: AbortSignal,
  now: () => number,
): OperatorContext {
  const spec = specOf(active, position);
  return {
    dagId: active.run.dagId,
    dagRunId: active.run.dagRunId,
    taskId: spec.taskId,
    tryNumber: attempt.tryNumber,
    launchKey: attempt.launchKey,
    connection: deps.connection(attempt.connection, spec.region),
    signal,
    now,
  };
}
