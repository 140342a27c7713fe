/** Airflow's states for a task instance that this engine writes. `none` is shown as null by the REST API. */
export const TASK_STATES = [
  "none",
  "scheduled",
  "queued",
  "running",
  "up_for_retry",
  "success",
  "failed",
  "upstream_failed",
  "skipped",
  "removed",
] as const;
export type TaskState = (typeof TASK_STATES)[number];

export const RUN_STATES = ["queued", "running", "success", "failed"] as const;
export type RunState = (typeof RUN_STATES)[number];

export const RUN_TYPES = ["scheduled", "manual", "backfill", "asset_triggered"] as const;
export type RunType = (typeof RUN_TYPES)[number];

const FINISHED: ReadonlySet<TaskState> = new Set(["success", "failed", "upstream_failed", "skipped", "removed"]);

/** Whether a task instance has ended and only a person's clear can move it again. */
export const isFinished = (state: TaskState): boolean => FINISHED.has(state);

/** Whether a dag run has ended. */
export const isRunFinished = (state: RunState): boolean => state === "success" || state === "failed";
