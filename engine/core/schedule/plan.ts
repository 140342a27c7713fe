import type { DagSpec, ScheduleSpec } from "../dag.ts";
import type { Instant } from "../json.ts";
import type { DagState } from "../records.ts";
import { plannedAt, type PlannedRun } from "./runs.ts";
import { nextTick, previousTick } from "./ticks.ts";

/** What a schedule wants at one moment. */
export interface DuePlan {
  /** Oldest first; at most as many as asked for: more may be due. */
  readonly runs: readonly PlannedRun[];
  /** Due times that the catch-up rule leaves without a run, newest first; the nearest hundred. Of a DAG that is new they say nothing. */
  readonly passedOver: readonly Instant[];
  readonly scheduledUntil: Instant | null;
  /** The first tick after all of these; null: none comes any more. */
  readonly nextDueAt: Instant | null;
}

type Schedulable = Pick<DagSpec, "schedule" | "startAt" | "endAt">;

const MOST_PASSED_OVER = 100;

/**
 * The runs that are due at `now`, from what has been planned before (`scheduledUntil`) and never from which runs exist
 * (protocol rule 26). catchup false makes the latest complete interval, true all of them since start_date, a window those that
 * came due within it. A schedule that is new, and says no start_date, begins with the latest complete interval.
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
  const first = firstTick(schedule, spec.startAt);
  const known = scheduledUntil ?? (first === null ? -Infinity : first - 1);
  const latest = previousTick(schedule, now + 1);
  if (latest === null || latest <= known) {
    return { ...nothing, nextDueAt: tickAfter(spec, schedule, Math.max(known, now)) };
  }
  const keepFrom = Math.max(
    known + 1,
    keptFrom(schedule, latest, now, scheduledUntil === null && spec.startAt === null),
  );
  const runs: PlannedRun[] = [];
  let until = known;
  for (let tick = tickAfter(spec, schedule, keepFrom - 1); tick !== null && tick <= now && runs.length < most;) {
    runs.push(plannedAt(schedule, tick));
    until = tick;
    tick = tickAfter(spec, schedule, tick);
  }
  // What the window or the end date leaves out has been decided too.
  if (runs.length < most) until = Math.max(until, latest);
  return {
    runs,
    passedOver: passedOver(spec, schedule, known, keepFrom),
    scheduledUntil: until,
    nextDueAt: tickAfter(spec, schedule, until),
  };
}

/** The first tick whose interval begins at or after `startAt`; null: there is no bound. */
function firstTick(schedule: ScheduleSpec, startAt: Instant | null): Instant | null {
  if (startAt === null) return null;
  const begins = nextTick(schedule, startAt - 1);
  return begins === null ? null : nextTick(schedule, begins);
}

function keptFrom(schedule: ScheduleSpec, latest: Instant, now: Instant, isUnbounded: boolean): Instant {
  if (schedule.catchup === false) return latest;
  if (schedule.catchup === true) return isUnbounded ? latest : -Infinity;
  return now - schedule.catchup.windowMs;
}

/** The next tick whose interval still begins before the end date. */
function tickAfter({ endAt }: Schedulable, schedule: ScheduleSpec, after: Instant): Instant | null {
  const tick = after === -Infinity ? null : nextTick(schedule, after);
  if (tick === null || endAt === null) return tick;
  return (previousTick(schedule, tick) ?? tick) <= endAt ? tick : null;
}

function passedOver(spec: Schedulable, schedule: ScheduleSpec, after: Instant, before: Instant): Instant[] {
  const ticks: Instant[] = [];
  let tick = previousTick(schedule, before);
  while (tick !== null && tick > after && ticks.length < MOST_PASSED_OVER) {
    if (spec.endAt === null || (previousTick(schedule, tick) ?? tick) <= spec.endAt) ticks.push(tick);
    tick = previousTick(schedule, tick);
  }
  return ticks;
}
