import { TerminateJobFlowsCommand, type ClusterState } from "@aws-sdk/client-emr";
import type { Observation, Operator } from "../../engine/core/operator.ts";
import { consoleLinks } from "../aws/console-links.ts";
import { clusterStatus, emrOf, isClusterGone } from "../aws/emr.ts";
import { launch, sendOptions, whileItMaySend } from "../aws/launch.ts";
import { emrTerminateFacts, type EmrTerminateParams } from "./params.ts";

interface Ref {
  readonly cluster_id: string;
}

/** The cluster's states as this task sees them: only its end is the task's. */
const STATUSES = {
  STARTING: "running",
  BOOTSTRAPPING: "running",
  RUNNING: "running",
  WAITING: "running",
  TERMINATING: "running",
  TERMINATED: "ended",
  TERMINATED_WITH_ERRORS: "ended",
} as const satisfies Record<ClusterState, "running" | "ended">;

export const emrTerminate: Operator<EmrTerminateParams, Ref, Ref> = {
  ...emrTerminateFacts,
  batchSize: 10,

  submit: ({ cluster_id }, context) =>
    launch(
      async () => new TerminateJobFlowsCommand({ JobFlowIds: [cluster_id] }),
      async (request) => {
        const client = emrOf(context.connection, "submit");
        try {
          await client.send(whileItMaySend(request, context), sendOptions(context));
        } catch (error) {
          // Gone already is what was asked for; the look confirms it.
          if (!isClusterGone(error)) throw error;
        }
        return { cluster_id };
      },
    ),

  observe: (jobs, signal) =>
    Promise.all(
      jobs.map(async ({ ref, context }): Promise<Observation<Ref>> => {
        const status = await clusterStatus(emrOf(context.connection, "look"), ref.cluster_id, signal);
        const state = status?.State;
        if (state === undefined) return { kind: "succeeded", output: ref };
        if (!Object.hasOwn(STATUSES, state)) {
          const message = `EMR answered the cluster state ${String(state)}`;
          return { kind: "failed", failure: { class: "permanent", code: "UNKNOWN_STATUS", message } };
        }
        return STATUSES[state] === "ended" ? { kind: "succeeded", output: ref } : { kind: "running", detail: state };
      }),
    ),

  // EMR cannot take a termination back.
  cancel: async () => undefined,

  links: ({ cluster_id }, { connection }) =>
    consoleLinks(connection, "emr", [
      { label: "EMR cluster", path: `emr/home?region=${connection.region}#/clusterDetails/${cluster_id}` },
    ]),
};
