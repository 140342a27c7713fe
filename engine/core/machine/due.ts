import { fail } from "./conclude.ts";
import type { DecisionContext } from "./events.ts";
import { resend } from "./launching.ts";
import { resendAt, timeoutAt } from "./owed.ts";
import type { RunDraft } from "./run-draft.ts";

/** A moment the task was waiting for has come: looks which, and moves on. Too early or too late changes nothing. */
export function due(draft: RunDraft, position: number, context: DecisionContext): void {
  const { task, attempt } = draft.node(position);
  const { now } = context;
  if (task.state === "up_for_retry" && task.retryAt !== null && task.retryAt <= now) {
    draft.task(position, { state: "scheduled", retryAt: null }, "time for the next try", "engine", now);
    return;
  }
  if (attempt?.state !== "open") return;
  const launch = context.launchOf(attempt.operator);
  const resendsAt = resendAt(attempt, launch);
  if (resendsAt !== null && resendsAt <= now) {
    resend(draft, position, context);
    return;
  }
  const timesOutAt = timeoutAt(draft.node(position), draft.spec(position), launch);
  if (timesOutAt === null || timesOutAt > now) return;
  if (launch.kind === "sensor") {
    const message = `what it waited for did not come in time (${draft.node(position).looking.detail})`;
    fail(draft, position, { class: "permanent", code: "WAIT_TIMEOUT", message }, {}, context);
    return;
  }
  draft.attempt(position, {
    ...attempt,
    ending: { cause: "timeout", then: "retry_or_fail", by: "engine", at: now },
  });
}
