import { DescribeClusterCommand, EMRClient, type ClusterState, type ClusterStatus } from "@aws-sdk/client-emr";
import type { Connection } from "../../engine/core/operator.ts";
import { clientOf, type Purpose } from "./clients.ts";
import { isNamed } from "./errors.ts";

export const emrOf = (connection: Connection, purpose: Purpose): EMRClient =>
  clientOf(connection, "emr", purpose, (config) => new EMRClient(config));

/** EMR has no error of its own for this: it says so in words, as one of two general errors. */
const saysOfRequest = (error: unknown, words: RegExp): boolean =>
  isNamed(error, "InvalidRequestException", "ValidationException") && words.test(error.message);

/** The cluster has ended, or never was. */
export const isClusterGone = (error: unknown): boolean =>
  saysOfRequest(error, /cluster id .*not valid|job flow id does not exist|shutting down, terminated/i);

/** EMR does not know the step or the cluster (yet). */
export const isUnknown = (error: unknown): boolean => saysOfRequest(error, /not valid|does not exist|not visible yet/i);

const ENDING: ReadonlySet<ClusterState> = new Set(["TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS"]);

export const isEndingState = (state: ClusterState | undefined): boolean => state !== undefined && ENDING.has(state);

/** How the cluster is; null when EMR does not know it. */
export async function clusterStatus(client: EMRClient, id: string, signal: AbortSignal): Promise<ClusterStatus | null> {
  try {
    const { Cluster } = await client.send(new DescribeClusterCommand({ ClusterId: id }), { abortSignal: signal });
    return Cluster?.Status ?? null;
  } catch (error) {
    if (isUnknown(error)) return null;
    throw error;
  }
}
