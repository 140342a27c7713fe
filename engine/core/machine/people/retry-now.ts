import type { DecisionContext } from "../events.ts";
import type { RunDraft } from "../run-draft.ts";

/** The next try of these tasks does not wait for its time. */
export function retryNow(draft: RunDraft, places: readonly number[], by: string, { now }: DecisionContext): void {
  for (const place of places) {
    if (draft.node(place).task.state !== "up_for_retry") continue;
    draft.task(place, { state: "scheduled", retryAt: null }, "tried again at a person's word", by, now);
  }
}
