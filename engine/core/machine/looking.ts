import type { Observation, TaskFailure } from "../operator.ts";
import { accrue, settleBill } from "./booking.ts";
import { fail, succeed } from "./conclude.ts";
import type { DecisionContext } from "./events.ts";
import { interrupted } from "./interrupted.ts";
import type { RunDraft } from "./run-draft.ts";

/** What a look at the remote job showed. A look that changes nothing writes nothing (rule 20). */
export function observed(
  draft: RunDraft,
  position: number,
  observation: Observation,
  logTail: readonly string[] | undefined,
  context: DecisionContext,
): void {
  const { looking, attempt } = draft.node(position);
  const { now, settings } = context;
  switch (observation.kind) {
    case "running":
      if (looking.detail !== observation.detail || looking.unseenCount > 0) {
        draft.patch(position, { looking: { detail: observation.detail, unseenSince: null, unseenCount: 0 } });
      }
      if (attempt && observation.usage) accrue(draft, attempt, observation.usage, context);
      return;
    case "succeeded":
      succeed(draft, position, observation.output, { ...observation, logTail }, context);
      return;
    case "failed":
      if (attempt && goesOn(observation.failure) && context.launchOf(attempt.operator).kind === "in_process") {
        interrupted(draft, position, observation.failure.message, context);
        return;
      }
      fail(draft, position, observation.failure, { usage: observation.usage, logTail }, context);
      return;
    case "unseen": {
      const unseenSince = looking.unseenSince ?? now;
      const unseenCount = looking.unseenCount + 1;
      draft.patch(position, { looking: { ...looking, unseenSince, unseenCount } });
      if (unseenCount < 3 || now - unseenSince < settings.lostAfterMs) return;
      const message = `the service has not known ${JSON.stringify(attempt?.ref)} for ${now - unseenSince} ms`;
      fail(draft, position, { class: "lost", code: "LOST", message }, {}, context);
      return;
    }
  }
}

/** Work that died with its process and may be done again: that is no failure of its own (rule 19). */
const goesOn = ({ code, class: failureClass }: TaskFailure): boolean =>
  code === "INTERRUPTED" && failureClass === "retryable";

/** A look for the bill only: the task ended before. */
export function settle(
  draft: RunDraft,
  position: number,
  tryNumber: number,
  observation: Observation,
  context: DecisionContext,
): void {
  const attempt = draft.attemptOf(position, tryNumber);
  if (!attempt || attempt.settleAt === null) return;
  const { now } = context;
  const isOpen = observation.kind === "succeeded" && observation.settleAfterMs !== undefined;
  // A job that cannot be seen just now may be seen again: its bill stays open for as long as a lost one is looked for.
  const isHidden = observation.kind === "unseen" && now - (attempt.endedAt ?? now) < context.settings.lostAfterMs;
  const waits = isOpen || observation.kind === "running" || isHidden;
  const usage = observation.kind === "unseen" ? undefined : observation.usage;
  // The bill stays open as it is: the next look comes at a running job's pace, and one that changes nothing writes nothing.
  if (waits) {
    accrue(draft, attempt, usage ?? [], context);
    draft.patch(position, {});
    return;
  }
  settleBill(draft, attempt, usage, context);
  draft.changeAttempt(position, { ...attempt, settleAt: null });
}
