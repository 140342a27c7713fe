import type { DagSpec } from "../dag.ts";
import type { Instant } from "../json.ts";
import { isByInterval, lastCompleteInterval, type DataInterval } from "./runs.ts";
import { nextTick, previousTick } from "./ticks.ts";

/**
 * What the data of a run cover that somebody asks for without saying so.
 * Its logical date is a tick: the interval that begins there, so that it is the run the schedule or a backfill would make.
 * Any other logical date, or none: the last interval complete at that moment, or at `runAfterAt` (protocol rule 32).
 * In trigger mode a run covers no time: its interval is its logical date, or `runAfterAt`.
 */
export function manualInterval(
  spec: Pick<DagSpec, "schedule" | "startAt">,
  { logicalAt, runAfterAt }: { readonly logicalAt: Instant | null; readonly runAfterAt: Instant },
): DataInterval {
  if (logicalAt !== null && isByInterval(spec) && previousTick(spec, logicalAt + 1) === logicalAt) {
    const endAt = nextTick(spec, logicalAt);
    if (endAt !== null) return { startAt: logicalAt, endAt };
  }
  return lastCompleteInterval(spec, logicalAt ?? runAfterAt);
}
