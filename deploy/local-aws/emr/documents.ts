import type {
  Cluster,
  ClusterState,
  Instance,
  RunJobFlowInput,
  StepConfig,
  StepState,
  Step,
  Tag,
} from "@aws-sdk/client-emr";
import { createHash, randomInt } from "node:crypto";
import { launchKeyIn } from "../compute/launch-key.ts";
import type { RemoteJob } from "../contract.ts";
import type { JobFault } from "../faults.ts";

/** A cluster as the journal keeps it. Times are milliseconds of the service's clock. */
export interface ClusterDocument {
  readonly id: string;
  readonly arn: string;
  readonly request: Omit<RunJobFlowInput, "Steps" | "Tags">;
  readonly tags: readonly Tag[];
  readonly state: ClusterState;
  readonly reason: {
    readonly Code: "USER_REQUEST" | "ALL_STEPS_COMPLETED" | "STEP_FAILURE" | "INTERNAL_ERROR";
    readonly Message: string;
  } | null;
  readonly errorCode: string | null;
  readonly createdAt: number;
  readonly readyAt: number | null;
  readonly endedAt: number | null;
  readonly fault: JobFault | null;
}

/** A step as the journal keeps it. */
export interface StepDocument {
  readonly id: string;
  readonly clusterId: string;
  /** Place in the order of arrival over all clusters. */
  readonly order: number;
  readonly config: StepConfig;
  readonly state: StepState;
  readonly error: string | null;
  readonly logUri: string | null;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly fault: JobFault | null;
}

const ENDED: readonly string[] = ["TERMINATED", "TERMINATED_WITH_ERRORS"];

export function hasEnded(cluster: ClusterDocument): boolean {
  return ENDED.includes(cluster.state);
}

/** Takes steps: not on its way out. */
export function isOpen(cluster: ClusterDocument): boolean {
  return !hasEnded(cluster) && cluster.state !== "TERMINATING";
}

export function newId(prefix: "j" | "s"): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  return `${prefix}-${Array.from({ length: 13 }, () => letters[randomInt(letters.length)]).join("")}`;
}

export function toStatus(cluster: ClusterDocument): NonNullable<Cluster["Status"]> {
  return {
    State: cluster.state,
    StateChangeReason: cluster.reason ?? {},
    Timeline: {
      CreationDateTime: new Date(cluster.createdAt),
      ...(cluster.readyAt === null ? {} : { ReadyDateTime: new Date(cluster.readyAt) }),
      ...(cluster.endedAt === null ? {} : { EndDateTime: new Date(cluster.endedAt) }),
    },
    ...(cluster.errorCode === null
      ? {}
      : { ErrorDetails: [{ ErrorCode: cluster.errorCode, ErrorMessage: cluster.reason?.Message ?? "" }] }),
  };
}

export function toCluster(cluster: ClusterDocument): Cluster {
  const { request } = cluster;
  return {
    ...(request as Cluster),
    Id: cluster.id,
    Status: toStatus(cluster),
    Tags: [...cluster.tags],
    ClusterArn: cluster.arn,
    AutoTerminate: request.Instances?.KeepJobFlowAliveWhenNoSteps !== true,
    TerminationProtected: request.Instances?.TerminationProtected === true,
    InstanceCollectionType: request.Instances?.InstanceFleets === undefined ? "INSTANCE_GROUP" : "INSTANCE_FLEET",
    MasterPublicDnsName: "localhost",
    StepConcurrencyLevel: request.StepConcurrencyLevel ?? 1,
  };
}

export function toStep(step: StepDocument): Step {
  const { HadoopJarStep: jar } = step.config;
  return {
    Id: step.id,
    Name: step.config.Name,
    Config: { Jar: jar?.Jar, MainClass: jar?.MainClass, Args: jar?.Args ?? [], Properties: {} },
    ActionOnFailure: step.config.ActionOnFailure ?? "TERMINATE_CLUSTER",
    Status: {
      State: step.state,
      StateChangeReason: {},
      ...(step.state === "FAILED" && step.error !== null
        ? {
            FailureDetails: {
              Reason: step.error.split("\n", 1)[0],
              Message: step.error,
              ...(step.logUri === null ? {} : { LogFile: `${step.logUri}stderr.gz` }),
            },
          }
        : {}),
      Timeline: {
        CreationDateTime: new Date(step.createdAt),
        ...(step.startedAt === null ? {} : { StartDateTime: new Date(step.startedAt) }),
        ...(step.endedAt === null ? {} : { EndDateTime: new Date(step.endedAt) }),
      },
    },
  };
}

/** The machines the request asked for, with ids that stay the same from one look to the next. */
export function toInstances(cluster: ClusterDocument): readonly Instance[] {
  const { Instances: wanted } = cluster.request;
  const types = [
    ...(wanted?.InstanceGroups ?? []).flatMap(({ InstanceCount = 1, InstanceType, Market }) =>
      repeat(InstanceCount, InstanceType, Market),
    ),
    ...(wanted?.InstanceFleets ?? []).flatMap((fleet) => [
      ...repeat(fleet.TargetOnDemandCapacity ?? 0, fleet.InstanceTypeConfigs?.[0]?.InstanceType, "ON_DEMAND"),
      ...repeat(fleet.TargetSpotCapacity ?? 0, fleet.InstanceTypeConfigs?.[0]?.InstanceType, "SPOT"),
    ]),
  ];
  if (types.length === 0) {
    types.push(...repeat(1, wanted?.MasterInstanceType, "ON_DEMAND"));
    types.push(...repeat((wanted?.InstanceCount ?? 1) - 1, wanted?.SlaveInstanceType, "ON_DEMAND"));
  }
  const state = cluster.endedAt !== null ? "TERMINATED" : cluster.readyAt !== null ? "RUNNING" : "PROVISIONING";
  return types.map(({ type, market }, index) => {
    const hex = createHash("sha256").update(`${cluster.id}/${index}`).digest("hex").slice(0, 17);
    return {
      Id: `ci-${hex.slice(0, 13).toUpperCase()}`,
      Ec2InstanceId: `i-${hex}`,
      InstanceType: type,
      Market: market,
      Status: { State: state, StateChangeReason: {}, Timeline: toStatus(cluster).Timeline },
    };
  });
}

function repeat(count: number, type = "m5.xlarge", market: "ON_DEMAND" | "SPOT" | undefined = "ON_DEMAND") {
  return Array.from({ length: Math.max(0, count) }, () => ({ type, market }));
}

export function clusterJob(cluster: ClusterDocument): RemoteJob {
  const name = cluster.request.Name ?? "";
  const { id, state, createdAt: startedAt, endedAt } = cluster;
  return { service: "EMR", id, name, launchKey: launchKeyIn(name), state, startedAt, endedAt };
}

export function stepJob(step: StepDocument): RemoteJob {
  const name = step.config.Name ?? "";
  const { id, state, createdAt: startedAt, endedAt } = step;
  return { service: "EMR", id, name, launchKey: launchKeyIn(name), state, startedAt, endedAt };
}
