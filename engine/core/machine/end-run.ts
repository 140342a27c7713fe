import type { Attempt, Ending } from "../records.ts";
import { isFinished } from "../states.ts";
import { mayHaveUnseenJob } from "./attempt-debts.ts";
import { fail } from "./conclude.ts";
import type { DecisionContext } from "./events.ts";
import { skipWaiting } from "./people/renew.ts";
import { finish, finishRun, finishWhole } from "./progress.ts";
import type { RunDraft } from "./run-draft.ts";

/**
 * Ends a run: what runs is asked to stop, or with `letsFinish` goes on to its end; what has not begun is skipped, teardowns
 * still run (rules 23 and 25).
 */
export function endRun(draft: RunDraft, ending: Ending, context: DecisionContext, letsFinish = false): void {
  const { run } = draft;
  // What a budget let finish, a person may still stop.
  const isTaken = run.ending !== null && (run.ending.cause !== "budget" || ending.cause === "budget");
  if (isTaken || run.endedAt !== null) return;
  draft.run = { ...run, ending };
  if (run.state === "queued") {
    skipWaiting(draft, ending.by, context);
    draft.run = { ...draft.run, state: "failed", endedAt: context.now, isReopened: false };
    return;
  }
  const why = `run ended: ${ending.cause}${ending.why === undefined ? "" : `: ${ending.why}`}`;
  for (const position of workOf(draft)) {
    const { task, attempt } = draft.node(position);
    if (draft.spec(position).forEach && task.mapIndex < 0) finishWhole(draft, position, context);
    if (attempt?.state === "open") {
      const isSensor = context.launchOf(attempt.operator).kind === "sensor";
      if (letsFinish && !isSensor && mayRun(attempt, context)) continue;
      draft.attempt(position, { ...attempt, ending });
      if (isSensor) fail(draft, position, { class: "permanent", code: "CANCELLED", message: "" }, {}, context);
    } else if (task.state === "none" || task.state === "scheduled" || task.state === "up_for_retry") {
      finish(draft, position, "skipped", why, context, ending.by);
    }
  }
  finishRun(draft, context);
}

/** Whether anything but teardowns is still to be done. */
export const hasOpenWork = (draft: RunDraft): boolean =>
  workOf(draft).some((position) => !isFinished(draft.node(position).task.state));

const workOf = (draft: RunDraft): number[] =>
  Array.from({ length: draft.size }, (_, position) => position).filter((position) => !draft.isTeardown(position));

/** Whether a job of this attempt may be at work: its request was more than an intent. */
const mayRun = (attempt: Attempt, context: DecisionContext): boolean =>
  attempt.ref !== null || attempt.doubtAt !== null || mayHaveUnseenJob(attempt, context.launchOf(attempt.operator));
