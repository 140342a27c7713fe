import type { Instant } from "../json.ts";
import type { DuePlan, Schedulable } from "./due-plan.ts";
import { isByInterval, plannedOver } from "./runs.ts";

/** The least time between the starts of two runs: a DAG that fails at once does not fill the database with its failures. */
export const CONTINUOUS_PAUSE_MS = 1_000;

/**
 * What a continuous schedule wants at `now`, while none of its runs is open: one run over the time since the one before
 * came due. What was not run meanwhile, in a pause or while nothing ran, is in that one interval.
 * It begins at the start date, or else when it is first looked at; the first run is due a pause later, so that it covers
 * some time and no two runs have one logical date.
 */
export function planContinuous(spec: Schedulable, scheduledUntil: Instant | null, now: Instant): DuePlan {
  const begins = Math.max(scheduledUntil ?? -Infinity, spec.startAt ?? -Infinity);
  if (begins === -Infinity) return { ...planContinuous(spec, now, now), scheduledUntil: now };
  const dueAt = begins + CONTINUOUS_PAUSE_MS;
  const isOver = spec.endAt !== null && Math.max(dueAt, now) > spec.endAt;
  const nothing = { runs: [], passedOver: [], scheduledUntil };
  if (isOver) return { ...nothing, nextDueAt: null };
  if (now < dueAt) return { ...nothing, nextDueAt: dueAt };
  const nextDueAt = now + CONTINUOUS_PAUSE_MS;
  return {
    runs: [plannedOver(isByInterval(spec) ? begins : now, now)],
    passedOver: [],
    scheduledUntil: now,
    nextDueAt: spec.endAt !== null && nextDueAt > spec.endAt ? null : nextDueAt,
  };
}
