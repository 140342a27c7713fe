import type { DagSpec } from "../dag.ts";
import type { Instant } from "../json.ts";
import type { BackfillWish } from "../records.ts";
import { dsOf, runsForRange, type PlannedRun } from "../schedule/runs.ts";
import { DAY_MS, Zone, dayText, dayWall } from "../schedule/zone.ts";
import { invalid, type Refusal } from "./refusal.ts";

/** A flush of so many rows takes about a second; a whole range longer than it is asked for in parts. */
export const MOST_RUNS = 10_000;
const EARLIEST = "1970-01-01";
const LATEST = "2199-12-31";
const MOST_DAYS_AT_A_TIME = 31;

/** The bounds of a wish, in days of ds and, where it says so, on the logical date. */
export type BackfillRange = Pick<BackfillWish, "fromDate" | "toDate" | "logical">;

/** The runs of a range whose interval is over, oldest first, and the days of those that are not. */
export interface BackfillDates {
  readonly runs: readonly PlannedRun[];
  readonly notYet: readonly string[];
}

/** The dates that a backfill goes through at `now`, or why there are none. */
export function backfillDates(spec: DagSpec, range: BackfillRange, now: Instant): BackfillDates | Refusal {
  const { fromDate, toDate, logical } = range;
  const mistake = rangeMistake(range);
  if (mistake !== null) return invalid(mistake);
  const zone = Zone.of(spec.timezone);
  if (fromDate > dayText(zone.wall(now))) return invalid(`the range begins on ${fromDate}, which is still to come`);
  const runs: PlannedRun[] = [];
  const notYet: string[] = [];
  const last = wallOf(toDate);
  const days = daysAtATime(spec);
  for (let first = wallOf(fromDate); first <= last; first += days * DAY_MS) {
    const until = Math.min(last, first + (days - 1) * DAY_MS);
    for (const run of runsForRange(spec, dayText(first), dayText(until))) {
      if (logical && (run.logicalAt < logical.fromAt || run.logicalAt > logical.toAt)) continue;
      if (run.runAfterAt <= now) runs.push(run);
      else notYet.push(dsOf(spec, run));
    }
    if (runs.length + notYet.length > MOST_RUNS) {
      return invalid(`the range has more than ${MOST_RUNS} runs: ask for it in parts`);
    }
  }
  if (runs.length === 0 && notYet.length === 0) {
    return invalid(`${spec.dagId} has no run between ${fromDate} and ${toDate}`);
  }
  if (runs.length === 0) return invalid(`no interval between ${fromDate} and ${toDate} is over yet`);
  return { runs, notYet };
}

/** So many days are looked through at a time, so that a range with too many runs is known before all are computed. */
function daysAtATime({ schedule }: DagSpec): number {
  const perDay = DAY_MS / (schedule?.everyMs ?? DAY_MS);
  return Math.max(1, Math.min(MOST_DAYS_AT_A_TIME, Math.floor(MOST_RUNS / perDay)));
}

/** What is wrong with the bounds themselves; null: nothing. */
export function rangeMistake({ fromDate, toDate, logical }: BackfillRange): string | null {
  for (const day of [fromDate, toDate]) {
    if (dayWall(day) === null) return `${day} is no day; expected one such as 2026-01-31`;
    if (day < EARLIEST || day > LATEST) return `${day}: expected a day from ${EARLIEST} to ${LATEST}`;
  }
  if (logical ? logical.fromAt > logical.toAt : fromDate > toDate) return `the range begins after it ends`;
  return null;
}

/** The bounds on the logical date, both inclusive. */
export function logicalBounds(spec: DagSpec, { fromDate, toDate, logical }: BackfillRange) {
  const zone = Zone.of(spec.timezone);
  return (
    logical ?? {
      fromAt: zone.firstInstant(wallOf(fromDate)),
      toAt: zone.firstInstant(wallOf(toDate) + DAY_MS) - 1,
    }
  );
}

/** The days of ds that hold these instants. */
export function daysOf(spec: DagSpec, { fromAt, toAt }: { readonly fromAt: Instant; readonly toAt: Instant }) {
  const zone = Zone.of(spec.timezone);
  return { fromDate: dayText(zone.wall(fromAt)), toDate: dayText(zone.wall(toAt)) };
}

const wallOf = (day: string): number => dayWall(day) ?? NaN;
