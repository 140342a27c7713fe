import type { Observation } from "../operator.ts";
import type { Attempt } from "../records.ts";
import { book } from "./booking.ts";
import { fail, succeed } from "./conclude.ts";
import type { DecisionContext } from "./events.ts";
import { attemptKey, type RunDraft } from "./run-draft.ts";

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
  const newest = draft.node(position).attempt;
  const { taskNo, mapIndex } = draft.node(position).task;
  const isNewest = newest?.tryNumber === tryNumber;
  const attempt: Attempt | undefined | null = isNewest
    ? newest
    : draft.active.settling.get(attemptKey({ taskNo, mapIndex, tryNumber }));
  if (!attempt || attempt.settleAt === null) return;
  const { now } = context;
  const again = observation.kind === "succeeded" ? observation.settleAfterMs : undefined;
  const waits = again !== undefined || observation.kind === "running";
  const settleAt = waits ? now + (again ?? context.settings.pollMaxMs) : null;
  const usage = observation.kind === "unseen" ? [] : (observation.usage ?? []);
  draft.ledger.push(...book(attempt, usage, settleAt === null ? "settled" : "accrued", context.priceOf, now));
  const after = { ...attempt, settleAt };
  if (isNewest) draft.attempt(position, after);
  else draft.settling(after);
}
