import type { ReprocessBehavior, TakenDate } from "../records.ts";
import { isRunFinished } from "../states.ts";

/** Why a backfill leaves a date alone. */
export type LeftAlone = "in_flight" | "already_exists" | "archived";

/** What a backfill does with a date: makes a run, runs an existing one again, or leaves it alone, and why. */
export type BackfillDecision =
  | { readonly kind: "create" }
  | { readonly kind: "reprocess"; readonly runId: string }
  | { readonly kind: "leave"; readonly runId: string; readonly reason: LeftAlone; readonly why: string };

/** One rule for the preview and for the real thing; `taken`: the run that the date has already, whatever made it. */
export function decideBackfillDate(taken: TakenDate | undefined, reprocess: ReprocessBehavior): BackfillDecision {
  if (!taken) return { kind: "create" };
  const { runId, state } = taken;
  const leave = (reason: LeftAlone, why: string): BackfillDecision => ({ kind: "leave", runId, reason, why });
  if (state === null) return leave("archived", "its run has left for the archive, its date stays taken");
  if (!isRunFinished(state)) return leave("in_flight", `its run is ${state}`);
  if (reprocess === "completed" || (reprocess === "failed" && state === "failed")) return { kind: "reprocess", runId };
  const wish = state === "failed" ? "--reprocess failed" : "--reprocess completed";
  return leave("already_exists", `its run ended in ${state}; ${wish} runs it again`);
}
