import { expect } from "vitest";
import type { DagSpec, TaskSpec } from "../../engine/core/dag.ts";
import type { JsonObject } from "../../engine/core/json.ts";
import type { AnyOperator } from "../../engine/core/operator.ts";
import type { SubRuns } from "../../engine/core/sub-runs.ts";
import { sha256 } from "../../engine/dagfile/sha256.ts";
import type { Engine } from "../../engine/runtime/engine.ts";
import { newRunId } from "../../engine/runtime/ids.ts";
import { subRunsOf } from "../../engine/store/sub-runs.ts";
import { triggerRun } from "../../engine/store/trigger.ts";
import { operatorDescriptors } from "../../operators/index.ts";
import { testHost } from "../operators/host.ts";
import { dagSpec, taskSpec } from "../scenario/scenario.ts";
import { loaded, type Fleet } from "./harness.ts";

const FLOW = new Map(operatorDescriptors.map((descriptor) => [descriptor.type, descriptor]));

/** An engine with Nocturne's own operators, whose parameters stand as they are written. */
export async function flowEngine(
  fleet: Fleet,
  specs: readonly DagSpec[],
  plans = true,
  change = (own: SubRuns): SubRuns => own,
): Promise<Engine> {
  const [first] = specs;
  if (!first) throw new Error("no DAG");
  const own = subRunsOf(fleet.store, { newRunId, confMistake: () => null });
  const host = testHost({ subRuns: change(own) });
  const known = new Map<string, Promise<AnyOperator>>();
  return fleet.engine(first, (deps) => ({
    ...deps,
    plans,
    dags: specs.map(loaded),
    operators: FLOW,
    operator: (type) => {
      const found = known.get(type) ?? FLOW.get(type)?.load(host) ?? Promise.reject(new Error(`no operator ${type}`));
      known.set(type, found);
      return found;
    },
    prepare: ({ task }) => {
      const params = FLOW.get(task.operator)?.params.parse(task.with) as JsonObject;
      return { kind: "ready", params, hash: sha256(JSON.stringify(params)) };
    },
  }));
}

export const dag = (dagId: string, tasks: readonly TaskSpec[], changes: Partial<DagSpec> = {}): DagSpec => ({
  ...dagSpec(tasks),
  dagId,
  ...changes,
});

export const noop = (taskId: string, changes: Partial<TaskSpec> = {}): TaskSpec =>
  taskSpec(taskId, { operator: "noop", ...changes });

/** A run as somebody triggers it; answers its id. */
export async function startRun({ store }: Fleet, dagId: string): Promise<string> {
  const at = Date.now();
  const runId = newRunId(at);
  const request = { dagId, dagRunId: `manual__${runId}`, isIdMade: false, logicalAt: null, idempotency: null };
  const times = { intervalStartAt: at, intervalEndAt: at, runAfterAt: at, queuedAt: at };
  const made = await triggerRun(store, request, () => ({
    run: { runId, ...times, conf: {}, triggeredBy: "test", note: null },
  }));
  expect(made.kind).toBe("triggered");
  return runId;
}
