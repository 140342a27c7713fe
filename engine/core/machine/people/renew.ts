import type { Instant } from "../../json.ts";
import type { Ending } from "../../records.ts";
import { isFinished, isRunFinished } from "../../states.ts";
import type { DecisionContext } from "../events.ts";
import { evaluate, finishRun } from "../progress.ts";
import type { RunDraft } from "../run-draft.ts";

/** A task instance is as if it had never been: its tries, its history, its note and what its attempts still owe stay. */
export function renew(draft: RunDraft, place: number, why: string, by: string, now: Instant): void {
  const { task } = draft.node(place);
  draft.leaveAttempt(place);
  const maxTry = task.tryNumber + draft.spec(place).retries + 1;
  draft.task(place, { state: "none", maxTry, startedAt: null, endedAt: null, retryAt: null }, why, by, now);
  draft.patch(place, { attempt: null, prepared: null, listing: null });
}

/** An instance of a mapped task that begins anew as a whole: it is made again from the new list, or not at all. */
export function remove(draft: RunDraft, place: number, why: string, by: string, now: Instant): void {
  draft.leaveAttempt(place);
  draft.task(place, { state: "removed", endedAt: now, retryAt: null }, why, by, now);
  draft.patch(place, { attempt: null, prepared: null, listing: null });
}

/** Whether what ends now is to begin anew: a clear ended it, or cleared the mapped task that it is an instance of. */
export const beginsAnew = (draft: RunDraft, place: number, ending: Ending): boolean =>
  ending.cause === "clear" || isOfOldList(draft, place);

function isOfOldList(draft: RunDraft, place: number): boolean {
  const { taskAt, task } = draft.node(place);
  return task.mapIndex >= 0 && task.mapIndex >= draft.mappedOf(taskAt).made;
}

/** The attempt that a clear ended is final, whatever its result: its task starts fresh (protocol rule 23). */
export function startAnew(draft: RunDraft, place: number, { by }: Ending, context: DecisionContext): void {
  const { taskAt } = draft.node(place);
  const { now } = context;
  const isOld = isOfOldList(draft, place);
  if (isOld) remove(draft, place, "its task was cleared", by, now);
  else renew(draft, place, "cleared", by, now);
  if (draft.run.state === "running") evaluate(draft, isOld ? taskAt : place, context);
  // What it was an instance of may have been skipped meanwhile: then this was the last that the run waited for.
  if (isOld) finishRun(draft, context);
}

/** An instance moves again: its mapped task is open until it has ended. */
export function reopenWhole(draft: RunDraft, taskAt: number, by: string, now: Instant): void {
  const { task } = draft.node(taskAt);
  if (!isFinished(task.state)) return;
  const open = { state: "running", startedAt: task.startedAt ?? now, endedAt: null } as const;
  draft.task(taskAt, open, "an instance of it begins anew", by, now);
}

/**
 * The run goes on: one that has ended waits for its turn again, within the limits of its DAG; its decision to end, if there
 * is one, is taken back. `atOnce`: a job of it is at work already.
 */
export function reopenRun(draft: RunDraft, now: Instant, atOnce = false): void {
  const { run } = draft;
  if (isRunFinished(run.state)) {
    const waits = { state: "queued", startedAt: null, isReopened: true } as const;
    const begins = { state: "running", startedAt: now, isReopened: false } as const;
    const fresh = { queuedAt: now, endedAt: null, ending: null, budgetLevel: "ok" } as const;
    draft.run = { ...run, ...fresh, ...(atOnce ? begins : waits) };
    draft.spent = draft.spent.restarted();
  } else if (run.ending !== null) {
    // What stopped it for its budget is decided again by what it goes on to spend.
    draft.run = { ...run, ending: null, budgetLevel: run.ending.cause === "budget" ? "ok" : run.budgetLevel };
  }
}

/** What never began, of a run that ends before its turn has come again: nothing of it stays open. */
export function skipWaiting(draft: RunDraft, by: string, { now }: DecisionContext): void {
  for (let place = 0; place < draft.size; place++) {
    if (isFinished(draft.node(place).task.state)) continue;
    draft.task(place, { state: "skipped", endedAt: now, retryAt: null }, "the run ended", by, now);
    draft.patch(place, { prepared: null });
  }
}
