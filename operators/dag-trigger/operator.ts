import type { Observation, Observed, Operator, Submitted, SubmitContext } from "../../engine/core/operator.ts";
import type { OperatorHost } from "../../engine/core/operator-host.ts";
import { parseInstant } from "../../engine/core/schedule/zone.ts";
import type { SubRun, SubRunState } from "../../engine/core/sub-runs.ts";
import { dagTriggerFacts, type DagTriggerParams } from "./params.ts";

type Ref = { readonly run_id: string; readonly dag: string; readonly dag_run_id: string };
type Ended = Ref & { readonly state: string };

/** The "service" is Nocturne's own database: a run made twice under one launch key is the same run. */
export const dagTrigger = ({ subRuns }: Pick<OperatorHost, "subRuns">): Operator<DagTriggerParams, Ref, Ref> => ({
  ...dagTriggerFacts,
  batchSize: 500,
  async submit(params, context) {
    if (!context.mayStillSend()) return { kind: "throttled", message: "its time to be sent has passed" };
    const made = await subRuns.trigger(wishOf(params, context));
    switch (made.kind) {
      case "made":
        return answer(params, made.run);
      case "refused":
        return { kind: "refused", failure: { class: "permanent", code: made.code, message: made.message } };
      case "busy":
        return { kind: "throttled", message: made.message };
    }
  },
  async observe(jobs) {
    const states = await subRuns.look(jobs.map(({ ref }) => ref.run_id));
    return jobs.map((job) => look(job, states.get(job.ref.run_id)));
  },
  cancel: (ref, { dagId, taskId }) => subRuns.cancel(ref.run_id, `dag.trigger:${dagId}.${taskId}`),
});

const wishOf = ({ dag, conf, logical_date: logical }: DagTriggerParams, context: SubmitContext) => ({
  dagId: dag,
  conf,
  logicalAt: logical === null ? null : parseInstant(logical, context.times.timezone),
  launchKey: context.launchKey,
  parent: { dagId: context.dagId, dagRunId: context.dagRunId },
  now: context.now(),
});

function answer({ wait }: DagTriggerParams, { runId, dagId, dagRunId }: SubRun): Submitted<Ref, Ref> {
  const ref = { run_id: runId, dag: dagId, dag_run_id: dagRunId };
  return wait ? { kind: "started", ref } : { kind: "done", output: ref };
}

function look({ ref }: Observed<Ref>, found: SubRunState | undefined): Observation<Ended> {
  if (found === undefined) return { kind: "unseen" };
  const { state, isPaused } = found;
  if (state === "success") return { kind: "succeeded", output: { ...ref, state } };
  if (state === "failed") {
    const message = `the run ${ref.dag_run_id} of ${ref.dag} failed`;
    return { kind: "failed", failure: { class: "retryable", code: "SUB_RUN_FAILED", message } };
  }
  const why = state === "queued" && isPaused ? `, for ${ref.dag} is paused` : "";
  return { kind: "running", detail: `the run of ${ref.dag} is ${state}${why}` };
}
