import { fail, openAttempt } from "./conclude.ts";
import type { DecisionContext } from "./events.ts";
import type { RunDraft } from "./run-draft.ts";

/**
 * The process that did an attempt's work died, and the work with it (rule 19). The same attempt goes on, as after any crash:
 * the same bytes are submitted under the same key, which costs no try. The operator, which has the parameters at hand, then
 * begins again what is idempotent and refuses the rest as INTERRUPTED. What is being ended, or of a run that begins nothing
 * more, has ended with this.
 */
export function interrupted(draft: RunDraft, position: number, message: string, context: DecisionContext): void {
  const attempt = openAttempt(draft, position);
  const { now, settings } = context;
  if (attempt.ending || (draft.run.ending && !draft.isTeardown(position))) {
    fail(draft, position, { class: "permanent", code: "INTERRUPTED", message }, {}, context);
    return;
  }
  draft.attempt(position, {
    ...attempt,
    ref: null,
    submittedAt: null,
    doubtAt: null,
    everInDoubt: true,
    submitAt: now,
    sendBy: now + settings.sendWindowMs,
  });
  draft.task(position, { state: "queued" }, message, "engine", now);
}
