import type { DagSpec } from "../dag.ts";
import type { Instant } from "../json.ts";
import { lastCompleteInterval, type DataInterval } from "./runs.ts";
import { nextTick, previousTick } from "./ticks.ts";

/**
 * What the data of a run cover that somebody asks for without saying so.
 * Its logical date is a tick: that tick's own interval, so that it is the run the schedule or a backfill would make.
 * Any other logical date, or none: the last interval complete at that moment, or at `runAfterAt` (protocol rule 32).
 */
export function manualInterval(
  spec: Pick<DagSpec, "schedule" | "timezone">,
  { logicalAt, runAfterAt }: { readonly logicalAt: Instant | null; readonly runAfterAt: Instant },
): DataInterval {
  const { schedule } = spec;
  if (schedule !== null && logicalAt !== null && previousTick(schedule, logicalAt + 1) === logicalAt) {
    const endAt = nextTick(schedule, logicalAt);
    if (endAt !== null) return { startAt: logicalAt, endAt };
  }
  return lastCompleteInterval(spec, logicalAt ?? runAfterAt);
}
