import {
  AddJobFlowStepsCommand,
  CancelStepsCommand,
  ListStepsCommand,
  type EMRClient,
  type StepSummary,
} from "@aws-sdk/client-emr";
import type { Observation, Operator, SubmitContext, Submitted } from "../../engine/core/operator.ts";
import { uploadFile, uploadFiles } from "../aws/artifacts.ts";
import { settingsOf } from "../aws/connection-settings.ts";
import { consoleLinks } from "../aws/console-links.ts";
import { clusterStatus, emrOf, isClusterGone, isEndingState, isUnknown } from "../aws/emr.ts";
import { isNamed } from "../aws/errors.ts";
import { launch, SEARCH_PAGES, searchFrom, tooFar, sendOptions, whileItMaySend } from "../aws/launch.ts";
import { secondsBetween } from "../aws/quantities.ts";
import { argumentsOf } from "../aws/spark-script.ts";
import { lastLogLines } from "./log-tail.ts";
import { emrStepFacts, type EmrStepParams } from "./params.ts";
import { failureMessage, STATUSES } from "./statuses.ts";

interface Ref {
  readonly cluster_id: string;
  readonly step_id: string;
}

interface Output extends Ref {
  readonly seconds: number;
}

/** ListSteps takes ten ids a call. */
const MOST_IDS = 10;

export const emrStep: Operator<EmrStepParams, Ref, Output> = {
  ...emrStepFacts,
  batchSize: 50,

  submit: (params, context) =>
    launch(
      () => prepare(params, context),
      async (request) => {
        const command = whileItMaySend(new AddJobFlowStepsCommand(request), context);
        const client = emrOf(context.connection, "submit");
        const { StepIds = [] } = await client.send(command, sendOptions(context));
        return { cluster_id: params.cluster_id, step_id: StepIds[0] ?? "" };
      },
      (error) => special(error, params.cluster_id),
    ),

  async find({ cluster_id }, context) {
    const client = emrOf(context.connection, "look");
    const from = searchFrom(context);
    const found: StepSummary[] = [];
    let Marker: string | undefined;
    // EMR lists the newest step first.
    for (let page = 0; page < SEARCH_PAGES; page += 1) {
      const answer = await listSteps(client, { ClusterId: cluster_id, Marker }, context.signal);
      const young = answer.steps.filter(({ Status }) => (Status?.Timeline?.CreationDateTime ?? from) >= from);
      found.unshift(...young.filter(({ Name }) => Name?.endsWith(context.launchKey)).reverse());
      if (answer.next === undefined || young.length < answer.steps.length) {
        return found.map(({ Id = "" }) => ({ cluster_id, step_id: Id }));
      }
      Marker = answer.next;
    }
    throw tooFar(`the steps of cluster ${cluster_id}`);
  },

  async observe(jobs, signal) {
    const first = jobs[0];
    if (!first) return [];
    const client = emrOf(first.context.connection, "look");
    const looks = new Map<string, Observation<Output>>();
    for (const cluster of new Set(jobs.map(({ ref }) => ref.cluster_id))) {
      const ids = jobs.filter(({ ref }) => ref.cluster_id === cluster).map(({ ref }) => ref.step_id);
      for (let at = 0; at < ids.length; at += MOST_IDS) {
        const seen = await lookAt(client, cluster, ids.slice(at, at + MOST_IDS), signal);
        for (const [id, observation] of seen) looks.set(`${cluster}/${id}`, observation);
      }
    }
    return jobs.map(({ ref }) => looks.get(`${ref.cluster_id}/${ref.step_id}`) ?? { kind: "unseen" });
  },

  async cancel({ cluster_id, step_id }, { connection, signal }) {
    const cancel = new CancelStepsCommand({
      ClusterId: cluster_id,
      StepIds: [step_id],
      // A running step is ended as well, not only one that waits.
      StepCancellationOption: "SEND_INTERRUPT",
    });
    try {
      await emrOf(connection, "look").send(cancel, { abortSignal: signal });
    } catch (error) {
      if (!isClusterGone(error) && !isUnknown(error)) throw error;
    }
  },

  links: ({ cluster_id, step_id }, { connection }) =>
    consoleLinks(connection, "emr", [
      {
        label: "EMR step",
        path: `emr/home?region=${connection.region}#/clusterDetails/${cluster_id}/steps/${step_id}`,
      },
    ]),

  async logTail(ref, { connection, signal }, lines) {
    const { log_uri } = settingsOf(connection).emr;
    return log_uri === undefined ? [] : lastLogLines(connection, log_uri, ref, lines, signal);
  },
};

async function prepare(params: EmrStepParams, context: SubmitContext) {
  const [script, uris] = await Promise.all([uploadFile(context, params.script), uploadFiles(context, params.files)]);
  return {
    JobFlowId: params.cluster_id,
    Steps: [
      {
        Name: `${params.name}-${context.launchKey}`,
        // Anything else would take the cluster from the retry.
        ActionOnFailure: "CONTINUE" as const,
        HadoopJarStep: {
          Jar: "command-runner.jar",
          // In client mode the driver's log is the step's own.
          Args: [
            "spark-submit",
            "--deploy-mode",
            "client",
            script,
            ...Object.entries(argumentsOf(params, uris)).flat(),
          ],
        },
      },
    ],
  };
}

function special(error: unknown, cluster: string): Submitted<Ref, never> | null {
  if (isClusterGone(error)) {
    const message = `the cluster ${cluster} has ended: ${(error as Error).message}`;
    return { kind: "refused", failure: { class: "resource_gone", code: "RESOURCE_GONE", message } };
  }
  // A cluster holds at most 256 steps that have not ended: waiting helps.
  const isFull =
    isNamed(error, "InvalidRequestException", "ValidationException") && /maximum number of/i.test(error.message);
  return isFull ? { kind: "throttled", message: error.message } : null;
}

async function listSteps(
  client: EMRClient,
  which: { readonly ClusterId: string; readonly Marker?: string | undefined; readonly StepIds?: string[] },
  signal: AbortSignal,
) {
  try {
    const { Steps = [], Marker: next } = await client.send(new ListStepsCommand(which), { abortSignal: signal });
    return { steps: Steps, next };
  } catch (error) {
    if (isUnknown(error)) return { steps: [], next: undefined, error };
    throw error;
  }
}

/** One list for the steps of a cluster. An id that EMR does not know fails the whole list: then each is asked for alone. */
async function lookAt(
  client: EMRClient,
  cluster: string,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, Observation<Output>>> {
  const { steps, error } = await listSteps(client, { ClusterId: cluster, StepIds: [...ids] }, signal);
  if (error !== undefined) {
    if (isClusterGone(error)) return new Map(ids.map((id) => [id, clusterEnded(cluster, "EMR does not know it")]));
    if (ids.length === 1) return new Map();
    const each = await Promise.all(ids.map((id) => lookAt(client, cluster, [id], signal)));
    return new Map(each.flatMap((seen) => [...seen]));
  }
  const failed = steps.some(({ Status }) => ["CANCELLED", "FAILED", "INTERRUPTED"].includes(Status?.State ?? ""));
  const status = failed ? await clusterStatus(client, cluster, signal) : null;
  const isEnding = isEndingState(status?.State);
  return new Map(steps.map((step) => [step.Id ?? "", observation(cluster, step, isEnding)]));
}

function observation(cluster: string, step: StepSummary, clusterIsEnding: boolean): Observation<Output> {
  const { State = "" as const, Timeline } = step.Status ?? {};
  const meaning = Object.hasOwn(STATUSES, State) ? STATUSES[State as keyof typeof STATUSES] : null;
  if (meaning === "running") return { kind: "running", detail: State };
  if (meaning === "succeeded") {
    const { StartDateTime, EndDateTime } = Timeline ?? {};
    const seconds = StartDateTime && EndDateTime ? secondsBetween(StartDateTime, EndDateTime) : 0;
    return { kind: "succeeded", output: { cluster_id: cluster, step_id: step.Id ?? "", seconds } };
  }
  if (!meaning) {
    const message = `EMR answered the step state ${State}`;
    return { kind: "failed", failure: { class: "permanent", code: "UNKNOWN_STATUS", message } };
  }
  const message = failureMessage(step);
  return clusterIsEnding ? clusterEnded(cluster, message) : { kind: "failed", failure: { ...meaning, message } };
}

const clusterEnded = (cluster: string, why: string): Observation<Output> => ({
  kind: "failed",
  failure: { class: "resource_gone", code: "RESOURCE_GONE", message: `the cluster ${cluster} has ended: ${why}` },
});
