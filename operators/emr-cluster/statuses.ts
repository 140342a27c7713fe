import type { ClusterState, ClusterStateChangeReasonCode, ClusterStatus } from "@aws-sdk/client-emr";
import type { TaskFailure } from "../../engine/core/operator.ts";

/** A cluster that takes steps is what was asked for; one that ended before it was wanted is a failure. */
export const STATUSES = {
  STARTING: "running",
  BOOTSTRAPPING: "running",
  RUNNING: "ready",
  WAITING: "ready",
  TERMINATING: "running",
  TERMINATED: "ended",
  TERMINATED_WITH_ERRORS: "ended",
} as const satisfies Record<ClusterState, "running" | "ready" | "ended">;

const REASONS = {
  ALL_STEPS_COMPLETED: { class: "resource_gone", code: "RESOURCE_GONE" },
  BOOTSTRAP_FAILURE: { class: "permanent", code: "JOB_FAILED" },
  INSTANCE_FAILURE: { class: "retryable", code: "JOB_FAILED" },
  INSTANCE_FLEET_TIMEOUT: { class: "capacity", code: "JOB_FAILED" },
  INTERNAL_ERROR: { class: "retryable", code: "JOB_FAILED" },
  STEP_FAILURE: { class: "resource_gone", code: "RESOURCE_GONE" },
  USER_REQUEST: { class: "permanent", code: "CANCELLED" },
  VALIDATION_ERROR: { class: "permanent", code: "JOB_FAILED" },
} as const satisfies Record<ClusterStateChangeReasonCode, Pick<TaskFailure, "class" | "code">>;

/** Why a cluster ended. A lack of instances comes under several codes, and is known by its words. */
export function clusterFailure(id: string, status: ClusterStatus): TaskFailure {
  const { Code, Message = "no reason given" } = status.StateChangeReason ?? {};
  const message = `the cluster ${id} ended as ${status.State}: ${Message}`;
  if (/insufficient capacity|insufficient instance|capacity-not-available/i.test(Message)) {
    return { class: "capacity", code: "JOB_FAILED", message };
  }
  if (/\bidle\b/i.test(Message)) return { class: "resource_gone", code: "RESOURCE_GONE", message };
  const reason = Code !== undefined && Object.hasOwn(REASONS, Code) ? REASONS[Code] : REASONS.INTERNAL_ERROR;
  return { ...reason, message };
}
