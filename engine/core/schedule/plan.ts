import type { Instant } from "../json.ts";
import type { DagState } from "../records.ts";
import type { DuePlan, Schedulable } from "./due-plan.ts";
import { planContinuous } from "./plan-continuous.ts";
import { dataInterval, isByInterval, plannedAt, type PlannedRun } from "./runs.ts";
import { nextTick, previousTick } from "./ticks.ts";

const MOST_PASSED_OVER = 100;

/**
 * The runs that are due at `now`, from what has been planned before (`scheduledUntil`) and never from which runs exist
 * (protocol rule 26). catchup false makes the latest tick's, true those of all ticks since start_date, a window those of
 * its ticks. A schedule that is new, and says no start_date, begins with the latest tick.
 * A continuous schedule is asked only while no run of the DAG is open.
 */
export function planDue(
  spec: Schedulable,
  { scheduledUntil }: Pick<DagState, "scheduledUntil">,
  now: Instant,
  most: number,
): DuePlan {
  const { schedule } = spec;
  const nothing = { runs: [], passedOver: [], scheduledUntil, nextDueAt: null };
  if (schedule === null) return nothing;
  if (schedule.isContinuous) return planContinuous(spec, scheduledUntil, now);
  const first = firstTick(spec);
  const known = scheduledUntil ?? (first === null ? -Infinity : first - 1);
  const latest = previousTick(spec, now + 1);
  if (latest === null || latest <= known) {
    return { ...nothing, nextDueAt: tickAfter(spec, Math.max(known, now)) };
  }
  const keepFrom = Math.max(known + 1, keptFrom(spec, latest, now, scheduledUntil === null && spec.startAt === null));
  const runs: PlannedRun[] = [];
  let until = known;
  for (let tick = tickAfter(spec, keepFrom - 1); tick !== null && tick <= now && runs.length < most;) {
    runs.push(plannedAt(spec, tick));
    until = tick;
    tick = tickAfter(spec, tick);
  }
  // What the window or the end date leaves out has been decided too.
  if (runs.length < most) until = Math.max(until, latest);
  return {
    runs,
    passedOver: passedOver(spec, known, keepFrom),
    scheduledUntil: until,
    nextDueAt: tickAfter(spec, until),
  };
}

/** Long before any DAG: where the ticks of a schedule without start date are looked at from. */
const LONG_AGO = Date.UTC(2000, 0, 1);

/** The first tick for which the schedule makes a run; null: it never makes one. Of a continuous schedule it says nothing. */
export function firstDueAt(spec: Schedulable): Instant | null {
  const first = spec.startAt === null ? nextTick(spec, LONG_AGO) : firstTick(spec);
  return first === null ? null : tickAfter(spec, first - 1);
}

/** The first tick whose interval begins at or after the start date; null: there is no bound. */
function firstTick(spec: Schedulable): Instant | null {
  if (spec.startAt === null) return null;
  const begins = nextTick(spec, spec.startAt - 1);
  if (begins === null || spec.schedule?.isOnce || !isByInterval(spec)) return begins;
  return nextTick(spec, begins);
}

function keptFrom({ schedule }: Schedulable, latest: Instant, now: Instant, isUnbounded: boolean): Instant {
  const catchup = schedule?.catchup ?? false;
  if (catchup === false) return latest;
  if (catchup === true) return isUnbounded ? latest : -Infinity;
  return now - catchup.windowMs;
}

/** The next tick whose interval still begins before the end date. */
function tickAfter(spec: Schedulable, after: Instant): Instant | null {
  const tick = after === -Infinity ? null : nextTick(spec, after);
  return tick !== null && isBeforeEnd(spec, tick) ? tick : null;
}

const isBeforeEnd = (spec: Schedulable, tick: Instant): boolean =>
  spec.endAt === null || dataInterval(spec, tick).startAt <= spec.endAt;

function passedOver(spec: Schedulable, after: Instant, before: Instant): Instant[] {
  const ticks: Instant[] = [];
  let tick = previousTick(spec, before);
  while (tick !== null && tick > after && ticks.length < MOST_PASSED_OVER) {
    if (isBeforeEnd(spec, tick)) ticks.push(tick);
    tick = previousTick(spec, tick);
  }
  return ticks;
}
