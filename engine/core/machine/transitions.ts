import type { TaskState } from "../states.ts";

/** Why a task instance goes from one state to another; what is not here cannot happen. docs/state-machine.md is made of it. */
export const TASK_TRANSITIONS: Readonly<Record<TaskState, Partial<Record<TaskState, string>>>> = {
  none: {
    scheduled: "its trigger rule is satisfied",
    upstream_failed: "its trigger rule cannot be satisfied any more: an upstream failed",
    skipped: "its trigger rule says so, a branch or a short circuit left it out, or its run is being ended",
    success: "a person marks it",
    failed: "a person marks it",
    removed: "its run is made without it, or the mapped task it is an instance of begins anew",
  },
  scheduled: {
    queued: "admitted: its launch intent is written",
    running: "a mapped task: what it is mapped over is known, its instances are made",
    skipped: "its `when` is false, there is nothing to map over, its run is being ended, or a person marks it",
    none: "a person clears it",
    success: "a person marks it",
    failed: "a person marks it",
    removed: "the mapped task it is an instance of begins anew, or its run is made without it",
  },
  queued: {
    running: "its remote job is known",
    success: "it was done at once, or a person marked it",
    failed: "its launch was refused or ended for good, or a person marked it",
    up_for_retry: "its launch was refused, and another try is left",
    skipped: "a person marked it, and it was never sent or has ended",
    none: "a person cleared it, and it was never sent or has ended; or what it runs on is gone",
    removed: "the mapped task it is an instance of begins anew, and it has ended",
  },
  running: {
    queued: "work in Nocturne's own process died with that process: it is submitted again, as a repeat",
    success: "its job succeeded; for a mapped task: its instances have ended, one of them in success",
    failed: "its job failed, was lost or was ended, and no try is left; for a mapped task: an instance failed",
    up_for_retry: "its job failed or was ended by its timeout, and another try is left",
    skipped: "a mapped task: all its instances were skipped; or a person marked it, and its job has ended",
    none: "a person cleared it, and its job has ended; or what it runs on is gone",
    removed: "the mapped task it is an instance of begins anew, and its job has ended",
  },
  up_for_retry: {
    scheduled: "retry_at has come, or a person asked for it now",
    none: "what it runs on is made again first, or a person clears it",
    skipped: "its run is being ended, or a person marks it",
    success: "a person marks it",
    failed: "a person marks it",
    removed: "the mapped task it is an instance of begins anew",
  },
  success: {
    running: "a mapped task: an instance of it begins anew, or is marked",
    none: "a person clears it, or what it had set up is gone",
    failed: "a person marks it",
    skipped: "a person marks it",
    removed: "the mapped task it is an instance of begins anew, or its run is re-based on a version without it",
  },
  failed: {
    running: "a mapped task: an instance of it begins anew, or is marked",
    none: "a person clears it",
    success: "a person marks it",
    skipped: "a person marks it",
    removed: "the mapped task it is an instance of begins anew, or its run is re-based on a version without it",
  },
  upstream_failed: {
    none: "a person clears it, or an upstream of it that was marked",
    success: "a person marks it",
    failed: "a person marks it",
    skipped: "a person marks it",
    removed: "its run is re-based on a version without it",
  },
  skipped: {
    running: "a mapped task: an instance of it begins anew, or is marked",
    none: "a person clears it",
    success: "a person marks it",
    failed: "a person marks it",
    removed: "the mapped task it is an instance of begins anew, or its run is re-based on a version without it",
  },
  removed: {
    scheduled: "the task is mapped anew, and this is one of its items",
    none: "a person clears it, or its run is re-based on a version that has it again",
  },
};

/** Whether a task instance may go from one state to the other. */
export const isTransition = (from: TaskState, to: TaskState): boolean => TASK_TRANSITIONS[from][to] !== undefined;
