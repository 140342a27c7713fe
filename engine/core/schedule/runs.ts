import type { DagSpec, ScheduleSpec } from "../dag.ts";
import type { Instant } from "../json.ts";
import type { DagRun } from "../records.ts";
import type { RunType } from "../states.ts";
import { nextTick, previousTick, ticksBetween } from "./ticks.ts";
import { DAY_MS, Zone, dayText, dayWall } from "./zone.ts";

/** What the data of a run cover: [startAt, endAt). */
export interface DataInterval {
  readonly startAt: Instant;
  readonly endAt: Instant;
}

/** A run that a schedule or a backfill plans. Interval mode: the logical date is the interval's start, the run is due at its end. */
export interface PlannedRun {
  readonly logicalAt: Instant;
  readonly intervalStartAt: Instant;
  readonly intervalEndAt: Instant;
  readonly runAfterAt: Instant;
}

type Planned = Pick<DagSpec, "schedule" | "timezone">;

/** The interval of the run at `tick`: from the tick before it. Empty for the first tick of all. */
export function dataInterval(schedule: ScheduleSpec, tick: Instant): DataInterval {
  return { startAt: previousTick(schedule, tick) ?? tick, endAt: tick };
}

/**
 * The interval of a run without one (protocol rule 32): the last that was complete at `runAfterAt`.
 * A DAG without a schedule has none to offer: then it is that moment itself.
 */
export function lastCompleteInterval(spec: Planned, runAfterAt: Instant): DataInterval {
  const tick = spec.schedule === null ? null : previousTick(spec.schedule, runAfterAt + 1);
  return spec.schedule === null || tick === null
    ? { startAt: runAfterAt, endAt: runAfterAt }
    : dataInterval(spec.schedule, tick);
}

/** The first run whose ds is `day` ("2026-01-31"); null when the schedule has none on that day. */
export function runForDay(spec: Planned, day: string): PlannedRun | null {
  return runsForRange(spec, day, day)[0] ?? null;
}

/**
 * The runs whose ds (the local date of the interval's start) lies in [fromDay, toDay], both inclusive, oldest first.
 * A schedule may have several a day or none; a DAG without a schedule gets one per day, covering that local day.
 * A RangeError when a day is none.
 */
export function runsForRange(spec: Planned, fromDay: string, toDay: string): PlannedRun[] {
  const from = wallOf(fromDay);
  const to = wallOf(toDay);
  const zone = Zone.of(spec.timezone);
  const { schedule } = spec;
  if (schedule === null) {
    const days = Math.max(0, Math.round((to - from) / DAY_MS) + 1);
    return Array.from({ length: days }, (_, index) => from + index * DAY_MS)
      .map((day) => planned(zone.firstInstant(day), zone.firstInstant(day + DAY_MS)))
      .filter((run) => run.intervalStartAt < run.intervalEndAt);
  }
  // By the date itself and not by the day's edges: a fold may bring a date back after midnight.
  const starts = ticksBetween(schedule, from - 2 * DAY_MS, to + 3 * DAY_MS).filter((tick) => {
    const day = dayText(zone.wall(tick));
    return fromDay <= day && day <= toDay;
  });
  return starts.flatMap((start, index) => {
    const end = starts[index + 1] ?? nextTick(schedule, start);
    return end === null ? [] : [planned(start, end)];
  });
}

/** ds: the date of the run's interval start in the DAG's zone ("2026-01-31"). */
export function dsOf(spec: Planned, run: Pick<DagRun, "intervalStartAt" | "runAfterAt">): string {
  const startAt = run.intervalStartAt ?? lastCompleteInterval(spec, run.runAfterAt).startAt;
  return dayText(Zone.of(spec.timezone).wall(startAt));
}

/** Airflow's run id: "backfill__2026-01-01T07:00:00+00:00". */
export function dagRunIdFor(runType: RunType, instant: Instant): string {
  return `${runType}__${isoText(instant)}`;
}

/** Python's isoformat in UTC, as Airflow's templates and run ids have it: "2026-01-01T07:00:00+00:00". */
export function isoText(instant: Instant): string {
  return new Date(instant)
    .toISOString()
    .replace(/\.000Z$/, "+00:00")
    .replace(/\.(\d{3})Z$/, ".$1000+00:00");
}

/** The run that is due at `tick`. */
export function plannedAt(schedule: ScheduleSpec, tick: Instant): PlannedRun {
  const { startAt, endAt } = dataInterval(schedule, tick);
  return planned(startAt, endAt);
}

const planned = (start: Instant, end: Instant): PlannedRun => ({
  logicalAt: start,
  intervalStartAt: start,
  intervalEndAt: end,
  runAfterAt: end,
});

function wallOf(day: string): number {
  const wall = dayWall(day);
  if (wall === null) throw new RangeError(`${day} is no day; expected YYYY-MM-DD`);
  return wall;
}
