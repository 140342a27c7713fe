import type {
  AddJobFlowStepsInput,
  AddTagsInput,
  CancelStepsInput,
  DescribeClusterInput,
  DescribeStepInput,
  ListClustersInput,
  ListInstancesInput,
  ListStepsInput,
  RunJobFlowInput,
  TerminateJobFlowsInput,
} from "@aws-sdk/client-emr";
import type { ComputeDependencies } from "../compute/dependencies.ts";
import { durable } from "../compute/durable.ts";
import { AwsError, type JsonService, type Operation } from "../contract.ts";
import { Clusters } from "./clusters.ts";
import {
  clusterJob,
  isOpen,
  stepJob,
  toCluster,
  toInstances,
  toStatus,
  toStep,
  type ClusterDocument,
  type StepDocument,
} from "./documents.ts";
import { loadShapes } from "../load.ts";

const PAGE = 50;
const MOST_STEPS = 256;

/** Amazon EMR on EC2: clusters that take moments to start, and their steps. */
export function createEmr(deps: ComputeDependencies): JsonService {
  const clusters = new Clusters(deps);

  const requireCluster = (id = ""): ClusterDocument => {
    const cluster = clusters.find(id);
    if (cluster === null) throw invalid(`Cluster id '${id}' is not valid.`);
    return cluster;
  };
  const requireStep = (clusterId: string, id = ""): StepDocument => {
    const step = clusters.steps.find(clusterId, id);
    if (step === null) throw invalid(`Step id '${id}' is not valid.`);
    return step;
  };

  const operations: Record<string, Operation> = {
    async RunJobFlow(input: RunJobFlowInput) {
      if ((input.ReleaseLabel ?? "") === "") throw rejected("ReleaseLabel is required");
      checkSteps(input.Steps ?? []);
      const cluster = await clusters.create(input);
      return { JobFlowId: cluster.id, ClusterArn: cluster.arn };
    },
    DescribeCluster: async (input: DescribeClusterInput) => ({ Cluster: toCluster(requireCluster(input.ClusterId)) }),
    async ListClusters({ CreatedAfter, CreatedBefore, ClusterStates, Marker }: ListClustersInput) {
      const wanted = clusters
        .all()
        .filter(
          ({ createdAt, state }) =>
            createdAt >= (CreatedAfter?.getTime() ?? -Infinity) &&
            createdAt <= (CreatedBefore?.getTime() ?? Infinity) &&
            (ClusterStates ?? [state]).includes(state),
        )
        .reverse();
      const { items, next } = page(wanted, Marker);
      const Clusters = items.map((cluster) => ({
        Id: cluster.id,
        Name: cluster.request.Name,
        Status: toStatus(cluster),
        ClusterArn: cluster.arn,
      }));
      return { Clusters, Marker: next };
    },
    async ListInstances({ ClusterId, InstanceStates }: ListInstancesInput) {
      const instances = toInstances(requireCluster(ClusterId));
      return {
        Instances: instances.filter(({ Status }) => {
          const state = Status?.State;
          return InstanceStates === undefined || (state !== undefined && InstanceStates.includes(state));
        }),
      };
    },
    async TerminateJobFlows({ JobFlowIds = [] }: TerminateJobFlowsInput) {
      const named = JobFlowIds.map((id) => clusters.find(id));
      for (const cluster of named) {
        if (cluster === null) throw rejected("Specified job flow ID does not exist.");
        if (cluster.request.Instances?.TerminationProtected === true && isOpen(cluster)) {
          throw rejected("Could not shut down one or more job flows since they are termination protected.");
        }
      }
      for (const id of JobFlowIds)
        clusters.terminate(id, { Code: "USER_REQUEST", Message: "Terminated by user request" });
      return {};
    },
    async AddJobFlowSteps({ JobFlowId, Steps = [] }: AddJobFlowStepsInput) {
      const cluster = clusters.find(JobFlowId ?? "");
      if (cluster === null) throw rejected("Specified job flow ID does not exist.");
      if (!isOpen(cluster)) {
        throw rejected("A job flow that is shutting down, terminated, or finished may not be modified.");
      }
      checkSteps(Steps);
      return { StepIds: await clusters.addSteps(cluster, Steps) };
    },
    async ListSteps({ ClusterId, StepIds, StepStates, Marker }: ListStepsInput) {
      const { id } = requireCluster(ClusterId);
      const wanted = clusters.steps
        .ofCluster(id)
        .filter((step) => (StepIds ?? [step.id]).includes(step.id) && (StepStates ?? [step.state]).includes(step.state))
        .reverse();
      const { items, next } = page(wanted, Marker);
      return { Steps: items.map(toStep), Marker: next };
    },
    async DescribeStep({ ClusterId, StepId }: DescribeStepInput) {
      return { Step: toStep(requireStep(requireCluster(ClusterId).id, StepId)) };
    },
    async CancelSteps({ ClusterId, StepIds = [] }: CancelStepsInput) {
      const { id } = requireCluster(ClusterId);
      const CancelStepsInfoList = StepIds.map((StepId) => {
        const step = clusters.steps.find(id, StepId);
        if (step === null) return { StepId, Status: "FAILED", Reason: "The step does not exist" };
        const cancelled = clusters.steps.cancel(step);
        return cancelled
          ? { StepId, Status: "SUBMITTED" }
          : { StepId, Status: "FAILED", Reason: `The step is ${step.state} and cannot be cancelled` };
      });
      return { CancelStepsInfoList };
    },
    async AddTags({ ResourceId, Tags = [] }: AddTagsInput) {
      clusters.addTags(requireCluster(ResourceId), Tags);
      return {};
    },
  };

  return {
    name: "EMR",
    targetPrefix: "ElasticMapReduce",
    schemas: loadShapes("@aws-sdk/client-emr"),
    operations: durable(deps.journal, operations),
    remoteJobs: () => [...clusters.all().map(clusterJob), ...clusters.steps.all().map(stepJob)],
    start: async () => clusters.resume(),
    stop: () => clusters.stop(),
  };
}

function checkSteps(steps: NonNullable<AddJobFlowStepsInput["Steps"]>): void {
  if (steps.length > MOST_STEPS) throw rejected(`Maximum number of steps per request is ${MOST_STEPS}`);
  for (const { HadoopJarStep } of steps) {
    if ((HadoopJarStep?.Jar ?? "") === "") throw rejected("HadoopJarStep.Jar is required");
  }
}

/** The marker names the last item of the page before, so that new items do not shift the pages. */
function page<T extends { readonly id: string }>(all: readonly T[], marker: string | undefined) {
  const start = marker === undefined ? 0 : all.findIndex(({ id }) => id === marker) + 1;
  if (marker !== undefined && start === 0) throw invalid("The marker is not valid.");
  const items = all.slice(start, start + PAGE);
  return { items, next: start + items.length < all.length ? items.at(-1)?.id : undefined };
}

function invalid(message: string): AwsError {
  return new AwsError("InvalidRequestException", message);
}

function rejected(message: string): AwsError {
  return new AwsError("ValidationException", message);
}
