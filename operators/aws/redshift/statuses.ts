import type { StatementStatusString } from "@aws-sdk/client-redshift-data";
import type { TaskFailure } from "../../../engine/core/operator.ts";

/** The Data API's states. */
export const STATUSES = {
  SUBMITTED: "running",
  PICKED: "running",
  STARTED: "running",
  FINISHED: "succeeded",
  FAILED: "failed",
  ABORTED: "aborted",
} as const satisfies Record<StatementStatusString, "running" | "succeeded" | "failed" | "aborted">;

/** What a statement's error means for a retry. Only a conflict between transactions ends otherwise the next time. */
export function failureOf(message: string): TaskFailure {
  if (/\b1023\b|serializable isolation violation|conflict on (update|tuple)|transaction conflict/i.test(message)) {
    return { class: "retryable", code: "JOB_FAILED", message };
  }
  if (/permission denied|access denied|not authorized/i.test(message)) {
    return { class: "denied", code: "AWS_DENIED", message };
  }
  return { class: "permanent", code: "JOB_FAILED", message };
}
