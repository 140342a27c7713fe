import type { DagSpec } from "../dag.ts";
import type { Instant } from "../json.ts";
import type { DagRun } from "../records.ts";
import type { RunType } from "../states.ts";
import { jitterMs } from "./jitter.ts";
import { nextTick, previousTick, ticksBetween } from "./ticks.ts";
import { DAY_MS, Zone, dayText, dayWall } from "./zone.ts";

/** What the data of a run cover: [startAt, endAt). */
export interface DataInterval {
  readonly startAt: Instant;
  readonly endAt: Instant;
}

/**
 * A run that a schedule or a backfill plans; its tick is the interval's end. Interval mode: the logical date is the
 * interval's start. Trigger mode: the interval is empty, and the logical date is the tick.
 */
export interface PlannedRun {
  readonly logicalAt: Instant;
  readonly intervalStartAt: Instant;
  readonly intervalEndAt: Instant;
  readonly runAfterAt: Instant;
}

/** Clocks have been put back by three hours and never by more. */
const LONGEST_FOLD_MS = DAY_MS / 2;

type Planned = Pick<DagSpec, "schedule" | "timezone" | "startAt">;
type Scheduled = Pick<DagSpec, "schedule" | "startAt">;

/** What the run at `tick` covers: the time since the tick before it, nothing at the first tick of all and in trigger mode. */
export function dataInterval(spec: Scheduled, tick: Instant): DataInterval {
  const startAt = isByInterval(spec) ? previousTick(spec, tick) : null;
  return { startAt: startAt ?? tick, endAt: tick };
}

/**
 * The interval of a run without one (protocol rule 32): the last that was complete at `runAfterAt`.
 * Trigger mode, and a DAG without ticks, have none to offer: then it is that moment itself.
 */
export function lastCompleteInterval(spec: Scheduled, runAfterAt: Instant): DataInterval {
  const tick = isByInterval(spec) ? previousTick(spec, runAfterAt + 1) : null;
  return tick === null ? { startAt: runAfterAt, endAt: runAfterAt } : dataInterval(spec, tick);
}

/** Whether runs cover the time between ticks. */
export const isByInterval = ({ schedule }: Pick<DagSpec, "schedule">): boolean => schedule?.mode === "interval";

/** The first run whose ds is `day` ("2026-01-31"); null when the schedule has none on that day. */
export function runForDay(spec: Planned, day: string): PlannedRun | null {
  return runsForRange(spec, day, day)[0] ?? null;
}

/**
 * The runs whose ds (the local date of the interval's start) lies in [fromDay, toDay], both inclusive, oldest first.
 * A schedule may have several a day or none; a DAG without ticks gets one per day, covering that local day.
 * No jitter: that is for runs that come due. A RangeError when a day is none.
 */
export function runsForRange(spec: Planned, fromDay: string, toDay: string): PlannedRun[] {
  const from = wallOf(fromDay);
  const to = wallOf(toDay);
  const zone = Zone.of(spec.timezone);
  if (spec.schedule === null || spec.schedule.isContinuous) {
    const days = Math.max(0, Math.round((to - from) / DAY_MS) + 1);
    return Array.from({ length: days }, (_, index) => from + index * DAY_MS)
      .map((day) => plannedOver(zone.firstInstant(day), zone.firstInstant(day + DAY_MS)))
      .filter((run) => run.intervalStartAt < run.intervalEndAt);
  }
  // By the date itself and not by the day's end: a fold may bring a date back after midnight.
  const until = zone.firstInstant(to + DAY_MS) + LONGEST_FOLD_MS;
  const starts = ticksBetween(spec, zone.firstInstant(from), until).filter((tick) => {
    const day = dayText(zone.wall(tick));
    return fromDay <= day && day <= toDay;
  });
  if (!isByInterval(spec)) return starts.map((tick) => plannedOver(tick, tick));
  return starts.flatMap((start, index) => {
    const end = starts[index + 1] ?? nextTick(spec, start);
    return end === null ? [] : [plannedOver(start, end)];
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

/** The run of the schedule's tick `tick`: due then, or up to the schedule's jitter later. */
export function plannedAt(spec: Scheduled & Pick<DagSpec, "dagId">, tick: Instant): PlannedRun {
  const { startAt, endAt } = dataInterval(spec, tick);
  return { ...plannedOver(startAt, endAt), runAfterAt: tick + jitterMs(spec, tick) };
}

/** A run over an interval, due at its end. */
export const plannedOver = (start: Instant, end: Instant): PlannedRun => ({
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
