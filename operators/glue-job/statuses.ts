import type { JobRun, JobRunState } from "@aws-sdk/client-glue";
import type { TaskFailure } from "../../engine/core/operator.ts";

type Meaning = "running" | "succeeded" | Pick<TaskFailure, "class" | "code">;

/** Glue's states. STOPPED is no success: somebody stopped the run in Glue, and trying again is not what they meant. */
export const STATUSES = {
  STARTING: "running",
  RUNNING: "running",
  STOPPING: "running",
  WAITING: "running",
  SUCCEEDED: "succeeded",
  FAILED: { class: "retryable", code: "JOB_FAILED" },
  ERROR: { class: "retryable", code: "JOB_FAILED" },
  EXPIRED: { class: "retryable", code: "JOB_FAILED" },
  TIMEOUT: { class: "retryable", code: "TIMEOUT" },
  STOPPED: { class: "permanent", code: "CANCELLED" },
} as const satisfies Record<JobRunState, Meaning>;

const WITHOUT_MESSAGE: Readonly<Partial<Record<JobRunState, string>>> = {
  STOPPED: "the run was stopped in Glue",
  TIMEOUT: "Glue ended the run at its timeout",
  EXPIRED: "Glue gave the run up while it waited for capacity",
};

/** Why the run failed: Glue's own text, else what its state means. */
export function failureMessage(run: JobRun): string {
  const state = run.JobRunState ?? "FAILED";
  return run.ErrorMessage?.trim() || WITHOUT_MESSAGE[state] || `the run ended as ${state}`;
}
