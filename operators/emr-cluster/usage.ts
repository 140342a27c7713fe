import type { ClusterStatus } from "@aws-sdk/client-emr";
import type { Usage } from "../../engine/core/operator.ts";
import { secondsBetween, unitHours } from "../aws/quantities.ts";

/** EC2 and EMR bill each instance by the second, at least one minute. Source: Amazon EMR pricing. */
const MINIMUM_SECONDS = 60;

export interface ClusterSize {
  readonly instance_type: string;
  readonly instances: number;
}

/** Instances x the time from ready (created, when it never was) to the end, or to now while the meter runs. */
export function clusterUsage(size: ClusterSize, timeline: ClusterStatus["Timeline"], now: Date): Usage[] {
  const from = timeline?.ReadyDateTime ?? timeline?.CreationDateTime ?? now;
  return [instanceHours(size, Math.max(MINIMUM_SECONDS, secondsBetween(from, timeline?.EndDateTime ?? now)))];
}

/** The least a cluster of this size costs: how long it is needed is not in its parameters. */
export const leastUsage = (size: ClusterSize): Usage[] => [instanceHours(size, MINIMUM_SECONDS)];

const instanceHours = ({ instance_type, instances }: ClusterSize, seconds: number): Usage => ({
  kind: `emr.${instance_type}.instance_hour`,
  quantity: unitHours(seconds, instances),
  unit: "instance-hour",
});
