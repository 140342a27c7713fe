import type { DagSpec } from "../dag.ts";
import type { Instant } from "../json.ts";
import { CronTicks } from "./cron-ticks.ts";
import { EvenTicks } from "./even-ticks.ts";
import type { TickSet } from "./tick-set.ts";

/**
 * What decides about ticks: `every` counts from the start date. A continuous schedule has none: it follows its runs.
 * A tick on a day that the schedule leaves out is no tick.
 */
export type Ticking = Pick<DagSpec, "schedule" | "startAt">;

/** Every tick in [from, until), in order, each once. */
export const ticksBetween = (spec: Ticking, from: Instant, until: Instant): Instant[] =>
  ticksOf(spec)?.between(from, until) ?? [];

/** The first tick after `instant`; null when the schedule has no more. */
export const nextTick = (spec: Ticking, instant: Instant): Instant | null => ticksOf(spec)?.next(instant) ?? null;

/** The last tick before `instant`; null when there is none. */
export const previousTick = (spec: Ticking, instant: Instant): Instant | null =>
  ticksOf(spec)?.previous(instant) ?? null;

function ticksOf({ schedule, startAt }: Ticking): TickSet | null {
  if (schedule === null || schedule.isContinuous) return null;
  if (schedule.everyMs !== null) return new EvenTicks(schedule, schedule.everyMs, startAt ?? 0);
  if (!schedule.isOnce) return new CronTicks(schedule);
  return startAt === null ? null : onlyTick(startAt);
}

const onlyTick = (at: Instant): TickSet => ({
  between: (from, until) => (from <= at && at < until ? [at] : []),
  next: (instant) => (instant < at ? at : null),
  previous: (instant) => (at < instant ? at : null),
});
