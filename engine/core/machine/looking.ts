import type { Observation } from "../operator.ts";
import { book } from "./booking.ts";
import { fail, succeed } from "./conclude.ts";
import type { DecisionContext } from "./events.ts";
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
      draft.patch(position, { looking: { detail: observation.detail, unseenSince: null, unseenCount: 0 } });
      return;
    case "succeeded":
      succeed(draft, position, observation.output, { ...observation, logTail }, context);
      return;
    case "failed":
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
  const again = observation.kind === "succeeded" ? observation.settleAfterMs : undefined;
  // A job that cannot be seen just now may be seen again: its bill stays open for as long as a lost one is looked for.
  const isHidden = observation.kind === "unseen" && now - (attempt.endedAt ?? now) < context.settings.lostAfterMs;
  const waits = again !== undefined || observation.kind === "running" || isHidden;
  const settleAt = waits ? now + (again ?? context.settings.pollMaxMs) : null;
  const usage = observation.kind === "unseen" ? [] : (observation.usage ?? []);
  draft.ledger.push(...book(attempt, usage, settleAt === null ? "settled" : "accrued", context.priceOf, now));
  draft.changeAttempt(position, { ...attempt, settleAt });
}
