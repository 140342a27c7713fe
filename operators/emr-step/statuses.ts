import type { StepState, StepSummary } from "@aws-sdk/client-emr";
import type { TaskFailure } from "../../engine/core/operator.ts";

/** EMR's step states. A step that was interrupted or cancelled with its cluster is told apart by the cluster's state. */
export const STATUSES = {
  PENDING: "running",
  CANCEL_PENDING: "running",
  RUNNING: "running",
  COMPLETED: "succeeded",
  CANCELLED: { class: "permanent", code: "CANCELLED" },
  FAILED: { class: "retryable", code: "JOB_FAILED" },
  INTERRUPTED: { class: "resource_gone", code: "RESOURCE_GONE" },
} as const satisfies Record<StepState, "running" | "succeeded" | Pick<TaskFailure, "class" | "code">>;

/** Why the step failed, in EMR's words. */
export function failureMessage(step: StepSummary): string {
  const { FailureDetails: details, StateChangeReason: reason, State } = step.Status ?? {};
  const said = [details?.Reason, details?.Message, reason?.Message].filter((text) => text);
  const log = details?.LogFile === undefined ? "" : ` (${details.LogFile})`;
  return said.length === 0 ? `the step ended as ${State}${log}` : `${said.join(": ")}${log}`;
}
