import {
  ListClustersCommand,
  RunJobFlowCommand,
  TerminateJobFlowsCommand,
  type ClusterStatus,
  type ClusterSummary,
  type EMRClient,
  type RunJobFlowCommandInput,
} from "@aws-sdk/client-emr";
import { parseDuration } from "../../engine/core/duration.ts";
import type { Instant } from "../../engine/core/json.ts";
import type { Observation, Operator, SubmitContext } from "../../engine/core/operator.ts";
import { required, settingsOf } from "../aws/connection-settings.ts";
import { consoleLinks } from "../aws/console-links.ts";
import { clusterStatus, emrOf, isClusterGone } from "../aws/emr.ts";
import { launch, SEARCH_PAGES, searchFrom, tooFar, sendOptions, whileItMaySend } from "../aws/launch.ts";
import { attemptTags } from "../aws/tags.ts";
import { emrClusterFacts, type EmrClusterParams } from "./params.ts";
import { clusterFailure, STATUSES } from "./statuses.ts";
import { clusterUsage, leastUsage, type ClusterSize } from "./usage.ts";

/** The size is kept with the id: looking at a cluster tells its times, not its instances. */
interface Ref extends ClusterSize {
  readonly cluster_id: string;
}

interface Output {
  readonly cluster_id: string;
}

const MOST_SETTLE_MS = 30_000;

export const emrCluster: Operator<EmrClusterParams, Ref, Output> = {
  ...emrClusterFacts,
  batchSize: 50,

  submit: (params, context) =>
    launch(
      async () => request(params, context),
      async (input) => {
        const command = whileItMaySend(new RunJobFlowCommand(input), context);
        const { JobFlowId = "" } = await emrOf(context.connection, "submit").send(command, sendOptions(context));
        return refOf(JobFlowId, params);
      },
    ),

  async find(params, context) {
    const { clusters, isWhole } = await listClusters(
      emrOf(context.connection, "look"),
      searchFrom(context),
      context.signal,
    );
    if (!isWhole) throw tooFar("the list of EMR clusters");
    return clusters
      .filter(({ Name }) => Name?.endsWith(context.launchKey))
      .sort((a, b) => createdAt(a.Status) - createdAt(b.Status))
      .map(({ Id = "" }) => refOf(Id, params));
  },

  async observe(jobs, signal) {
    const first = jobs[0];
    if (!first) return [];
    const client = emrOf(first.context.connection, "look");
    const now = first.context.now();
    const statuses = await readStatuses(
      client,
      jobs.map(({ ref }) => ref.cluster_id),
      now,
      signal,
    );
    return jobs.map(({ ref }) => observation(ref, statuses.get(ref.cluster_id), new Date(now)));
  },

  async cancel({ cluster_id }, { connection, signal }) {
    try {
      await emrOf(connection, "look").send(new TerminateJobFlowsCommand({ JobFlowIds: [cluster_id] }), {
        abortSignal: signal,
      });
    } catch (error) {
      if (!isClusterGone(error)) throw error;
    }
  },

  estimate: leastUsage,

  links: ({ cluster_id }, { connection }) =>
    consoleLinks(connection, "emr", [
      { label: "EMR cluster", path: `emr/home?region=${connection.region}#/clusterDetails/${cluster_id}` },
    ]),
};

const refOf = (cluster_id: string, { instance_type, instances }: ClusterSize): Ref => ({
  cluster_id,
  instance_type,
  instances,
});

const createdAt = (status: ClusterStatus | undefined): number => status?.Timeline?.CreationDateTime?.getTime() ?? 0;

function request(params: EmrClusterParams, context: SubmitContext): RunJobFlowCommandInput {
  const { emr } = settingsOf(context.connection);
  const { name, instance_type: InstanceType, instances } = params;
  // EMR's managed service policy lets it touch only what carries the second tag.
  const tags = { ...attemptTags(context), "for-use-with-amazon-emr-managed-policies": "true" };
  return {
    Name: `${name}-${context.launchKey}`,
    ReleaseLabel: params.release ?? required(context.connection, "emr.release", emr.release),
    ServiceRole: required(context.connection, "emr.service_role", emr.service_role),
    JobFlowRole: required(context.connection, "emr.instance_profile", emr.instance_profile),
    LogUri: emr.log_uri,
    Applications: params.applications.map((Name) => ({ Name })),
    Instances: {
      InstanceGroups: [
        { Name: "primary", InstanceRole: "MASTER", InstanceType, InstanceCount: 1, Market: "ON_DEMAND" },
        ...(instances > 1
          ? [
              {
                Name: "core",
                InstanceRole: "CORE",
                InstanceType,
                InstanceCount: instances - 1,
                Market: "ON_DEMAND",
              } as const,
            ]
          : []),
      ],
      KeepJobFlowAliveWhenNoSteps: true,
      TerminationProtected: false,
      Ec2SubnetId: emr.subnet,
    },
    // Whatever happens to Nocturne, an idle cluster stops costing.
    AutoTerminationPolicy: { IdleTimeout: (parseDuration(params.idle_timeout) ?? 900_000) / 1000 },
    VisibleToAllUsers: true,
    Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
  };
}

async function listClusters(client: EMRClient, CreatedAfter: Date, signal: AbortSignal) {
  const clusters: ClusterSummary[] = [];
  let Marker: string | undefined;
  for (let page = 0; page < SEARCH_PAGES; page += 1) {
    const list = new ListClustersCommand({ CreatedAfter, Marker });
    const answer = await client.send(list, { abortSignal: signal });
    clusters.push(...(answer.Clusters ?? []));
    if (answer.Marker === undefined) return { clusters, isWhole: true };
    Marker = answer.Marker;
  }
  return { clusters, isWhole: false };
}

/** One list for several clusters, a single look for one and for what the list did not hold. */
async function readStatuses(client: EMRClient, ids: readonly string[], now: Instant, signal: AbortSignal) {
  const statuses = new Map<string, ClusterStatus>();
  if (ids.length > 1) {
    const lastDay = new Date(now - 86_400_000);
    const { clusters } = await listClusters(client, lastDay, signal);
    for (const { Id, Status } of clusters) if (Id !== undefined && Status) statuses.set(Id, Status);
  }
  for (const id of ids.filter((each) => !statuses.has(each))) {
    const status = await clusterStatus(client, id, signal);
    if (status) statuses.set(id, status);
  }
  return statuses;
}

function observation(ref: Ref, status: ClusterStatus | undefined, now: Date): Observation<Output> {
  if (!status) return { kind: "unseen" };
  const { State = "" as const, Timeline } = status;
  const usage = clusterUsage(ref, Timeline, now);
  const meaning = Object.hasOwn(STATUSES, State) ? STATUSES[State as keyof typeof STATUSES] : null;
  if (meaning === "running") return { kind: "running", detail: State, usage };
  if (meaning === "ended") return { kind: "failed", failure: clusterFailure(ref.cluster_id, status), usage };
  if (meaning === "ready") {
    // The meter runs until the cluster ends: it is looked at again after a third of its age, as any job is.
    const settleAfterMs = Math.min(MOST_SETTLE_MS, Math.max(50, Math.round((now.getTime() - createdAt(status)) / 3)));
    return { kind: "succeeded", output: { cluster_id: ref.cluster_id }, usage, settleAfterMs };
  }
  const message = `EMR answered the cluster state ${State}`;
  return { kind: "failed", failure: { class: "permanent", code: "UNKNOWN_STATUS", message }, usage };
}
