import type { Observation } from "../../operator.ts";
import type { Attempt } from "../../records.ts";
import { NOT_LOOKED } from "../active-run.ts";
import { accrue, settleBill } from "../booking.ts";
import type { DecisionContext } from "../events.ts";
import { finish } from "../progress.ts";
import { attemptKey, type RunDraft } from "../run-draft.ts";
import { beginsAnew, startAnew } from "./renew.ts";

/**
 * Lets the state of tasks go on although AWS has not confirmed the end of their jobs. Each attempt stays an orphan: it is
 * asked to stop, observed and billed until it is final (protocol rule 23).
 */
export function abandon(draft: RunDraft, places: readonly number[], by: string, context: DecisionContext): void {
  for (const place of places) {
    const { attempt } = draft.node(place);
    if (attempt?.state !== "open" || attempt.ending === null || attempt.ref === null) continue;
    const { ending } = attempt;
    draft.attempt(place, { ...attempt, state: "orphan" });
    if (beginsAnew(draft, place, ending)) {
      startAnew(draft, place, ending, context);
      continue;
    }
    // A next try would run beside a job that may live.
    const state = ending.then === "success" || ending.then === "skipped" ? ending.then : "failed";
    finish(draft, place, state, `${ending.cause}; its job is left as an orphan`, context, by);
  }
}

/** A look at the job of an orphan: nothing hangs on it but the bill. */
export function orphanObserved(
  draft: RunDraft,
  place: number,
  attempt: Attempt,
  observation: Observation,
  logTail: readonly string[] | undefined,
  context: DecisionContext,
): void {
  const { now, settings } = context;
  const key = attemptKey(attempt);
  const looking = draft.rare.orphanLooks.get(key) ?? draft.active.orphanLooks.get(key) ?? NOT_LOOKED;
  const isFinal = { endedAt: now, doubtAt: null } as const;
  switch (observation.kind) {
    case "running":
      draft.rare.orphanLooks.set(key, NOT_LOOKED);
      if (observation.usage) accrue(draft, attempt, observation.usage, context);
      return;
    case "succeeded": {
      const settleAt = observation.settleAfterMs === undefined ? null : now + observation.settleAfterMs;
      draft.changeAttempt(place, { ...attempt, ...isFinal, state: "succeeded", settleAt });
      if (settleAt === null) settleBill(draft, attempt, observation.usage, context);
      else accrue(draft, attempt, observation.usage ?? [], context);
      return;
    }
    case "failed": {
      const { failure } = observation;
      draft.changeAttempt(place, {
        ...attempt,
        ...isFinal,
        state: "failed",
        failure: attempt.failure ?? failure,
        logTail: logTail ?? attempt.logTail,
      });
      settleBill(draft, attempt, observation.usage, context);
      return;
    }
    case "unseen": {
      const unseenSince = looking.unseenSince ?? now;
      const unseenCount = looking.unseenCount + 1;
      draft.rare.orphanLooks.set(key, { ...looking, unseenSince, unseenCount });
      if (unseenCount < 3 || now - unseenSince < settings.lostAfterMs) return;
      const message = `the service has not known ${JSON.stringify(attempt.ref)} for ${now - unseenSince} ms`;
      const failure = attempt.failure ?? ({ class: "lost", code: "LOST", message } as const);
      draft.changeAttempt(place, { ...attempt, ...isFinal, state: "failed", failure });
      settleBill(draft, attempt, undefined, context);
      return;
    }
  }
}
