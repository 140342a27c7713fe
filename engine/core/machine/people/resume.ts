import type { DecisionContext } from "../events.ts";
import { evaluate, finishRun } from "../progress.ts";
import type { RunDraft } from "../run-draft.ts";

/** A run that was opened again has its turn: what waits in it goes on from where it stands. */
export function resumeRun(draft: RunDraft, context: DecisionContext): void {
  const begins = { state: "running", startedAt: context.now, endedAt: null, budgetLevel: "ok" } as const;
  draft.run = { ...draft.run, ...begins, isReopened: false };
  for (const place of draft.active.dag.order) evaluate(draft, place, context);
  for (let place = draft.active.dag.tasks.length; place < draft.size; place++) evaluate(draft, place, context);
  finishRun(draft, context);
}
