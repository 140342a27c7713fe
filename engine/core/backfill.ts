import type { DagRun, ReprocessBehavior } from "./records.ts";
import { isRunFinished } from "./states.ts";

/** What a backfill does with a date: makes a run, runs an existing one again, or leaves it alone, and why. */
export type BackfillDecision =
  | { readonly kind: "create" }
  | { readonly kind: "reprocess"; readonly run: DagRun }
  | { readonly kind: "leave"; readonly run: DagRun; readonly why: string };

/** One rule for the preview and for the real thing. */
export function decideBackfillDate(existing: DagRun | undefined, reprocess: ReprocessBehavior): BackfillDecision {
  if (!existing) return { kind: "create" };
  if (!isRunFinished(existing.state)) return { kind: "leave", run: existing, why: `its run is ${existing.state}` };
  if (reprocess === "completed") return { kind: "reprocess", run: existing };
  if (reprocess === "failed" && existing.state === "failed") return { kind: "reprocess", run: existing };
  const wish = existing.state === "failed" ? "--reprocess failed" : "--reprocess completed";
  return { kind: "leave", run: existing, why: `its run ended in ${existing.state}; ${wish} runs it again` };
}
