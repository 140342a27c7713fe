import type { QueryExecutionState, QueryExecutionStatus } from "@aws-sdk/client-athena";
import type { TaskFailure } from "../../../engine/core/operator.ts";

/** Athena's states. */
export const STATUSES = {
  QUEUED: "running",
  RUNNING: "running",
  SUCCEEDED: "succeeded",
  FAILED: "failed",
  CANCELLED: "cancelled",
} as const satisfies Record<QueryExecutionState, "running" | "succeeded" | "failed" | "cancelled">;

/** Category 1 is a fault of Athena's own; 2 is the statement's or the data's, 3 everything else. */
const SYSTEM = 1;

/** Why the query did not succeed. A workgroup's limit on scanned bytes cancels, and says so. */
export function failureOf({ State, StateChangeReason, AthenaError }: QueryExecutionStatus): TaskFailure {
  const message = StateChangeReason?.trim() || AthenaError?.ErrorMessage?.trim() || `the query ended as ${State}`;
  if (State === "CANCELLED") return { class: "permanent", code: "CANCELLED", message };
  if (/access denied|permission|not authorized/i.test(message)) return { class: "denied", code: "AWS_DENIED", message };
  const isRetryable = AthenaError?.Retryable === true || AthenaError?.ErrorCategory === SYSTEM;
  return { class: isRetryable ? "retryable" : "permanent", code: "JOB_FAILED", message };
}
