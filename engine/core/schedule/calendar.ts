import type { ScheduleSpec } from "../dag.ts";
import type { Instant } from "../json.ts";
import { DAY_MS, dayWall } from "./zone.ts";

/** The days on which a schedule has no tick, however many its cron has there. Days and times are wall time (see Zone). */
export class LeftOutDays {
  private readonly skipped: ReadonlySet<number>;
  private readonly businessDays: boolean;
  private readonly first: number;
  private readonly last: number;

  private constructor({ skipDates, businessDays }: Calendar) {
    this.skipped = new Set(skipDates.flatMap((day) => dayWall(day) ?? []));
    this.businessDays = businessDays;
    // Not Math.min(...list): a list of holidays may be longer than a call has arguments.
    this.first = skipDates.reduce((least, day) => Math.min(least, dayWall(day) ?? least), Infinity);
    this.last = skipDates.reduce((most, day) => Math.max(most, dayWall(day) ?? most), -Infinity);
  }

  private static readonly known = new WeakMap<Calendar, LeftOutDays>();

  /** null when the schedule leaves out no day. */
  static of(schedule: Calendar): LeftOutDays | null {
    if (!schedule.businessDays && schedule.skipDates.length === 0) return null;
    let days = LeftOutDays.known.get(schedule);
    if (days === undefined) LeftOutDays.known.set(schedule, (days = new LeftOutDays(schedule)));
    return days;
  }

  /** Whether the day that the wall shows is left out. */
  has(wall: number): boolean {
    const day = midnight(wall);
    return this.skipped.has(day) || (this.businessDays && isWeekend(day));
  }

  /**
   * How far a search for a tick goes. Beyond the last day of the list only days of the week decide: what finds none until they
   * have all come again finds none ever.
   */
  searchUntil(instant: Instant, recursWithinMs: number): Instant {
    return Math.max(instant, this.last) + recursWithinMs + WEEK_MS;
  }

  /** The same, looking back from `instant`. */
  searchFrom(instant: Instant, recursWithinMs: number): Instant {
    return Math.min(instant, this.first) - recursWithinMs - WEEK_MS;
  }
}

const WEEK_MS = 7 * DAY_MS;

type Calendar = Pick<ScheduleSpec, "skipDates" | "businessDays">;

/** The wall time at which the day of `wall` began. */
export const midnight = (wall: number): number => Math.floor(wall / DAY_MS) * DAY_MS;

function isWeekend(day: number): boolean {
  const weekday = new Date(day).getUTCDay();
  return weekday === 0 || weekday === 6;
}
