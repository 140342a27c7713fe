import type { ScheduleSpec } from "../dag.ts";
import type { Instant } from "../json.ts";
import { LeftOutDays, midnight } from "./calendar.ts";
import { cronDays, type CronDays } from "./cron.ts";
import type { TickSet } from "./tick-set.ts";
import { DAY_MS, Zone } from "./zone.ts";

/**
 * The ticks of cron expressions. Wall-clock time, as in Airflow (reference/airflow.md 1.6):
 * - in a fold (the clock goes back) only an hour field of `*` ticks in both hours; any other ticks once, in the later one;
 * - in a gap (the clock goes forward) an hour field of `*` has no tick, and any other ticks at the first instant after it.
 */
export class CronTicks implements TickSet {
  private readonly zone: Zone;
  private readonly crons: readonly CronDays[];
  private readonly leftOut: LeftOutDays | null;

  constructor(schedule: ScheduleSpec) {
    this.zone = Zone.of(schedule.timezone);
    this.crons = schedule.cron.map(cronDays);
    this.leftOut = LeftOutDays.of(schedule);
  }

  between(from: Instant, until: Instant): Instant[] {
    const found = new Set<Instant>();
    // A day more on either side: a gap moves ticks, and a fold may cross midnight.
    const firstDay = midnight(this.zone.wall(from)) - DAY_MS;
    const lastDay = midnight(this.zone.wall(until)) + DAY_MS;
    for (const cron of this.crons) {
      for (let day = cron.nextDay(firstDay); day !== null && day <= lastDay; day = cron.nextDay(day + DAY_MS)) {
        for (const tick of this.ticksOf(cron, day)) if (from <= tick && tick < until) found.add(tick);
      }
    }
    return [...found].sort((a, b) => a - b);
  }

  next(instant: Instant): Instant | null {
    const start = midnight(this.zone.wall(instant)) - DAY_MS;
    const bounds = this.crons.map((cron) => {
      const limit = this.leftOut?.searchUntil(instant, cron.sameWeekdayWithinMs) ?? Infinity;
      for (let day = cron.nextDay(start); day !== null && day <= limit; day = cron.nextDay(day + DAY_MS)) {
        const tick = this.ticksOf(cron, day).find((at) => at > instant);
        if (tick !== undefined) return tick;
      }
      return Infinity;
    });
    const bound = Math.min(...bounds);
    // Around a fold that crosses midnight the next day's tick can come first.
    return bound === Infinity ? null : (this.between(instant + 1, bound + 1)[0] ?? null);
  }

  previous(instant: Instant): Instant | null {
    const start = midnight(this.zone.wall(instant)) + DAY_MS;
    const bounds = this.crons.map((cron) => {
      const limit = this.leftOut?.searchFrom(instant, cron.sameWeekdayWithinMs) ?? -Infinity;
      for (let day = cron.previousDay(start); day !== null && day >= limit; day = cron.previousDay(day - DAY_MS)) {
        const tick = this.ticksOf(cron, day).findLast((at) => at < instant);
        if (tick !== undefined) return tick;
      }
      return -Infinity;
    });
    const bound = Math.max(...bounds);
    return bound === -Infinity ? null : (this.between(bound, instant).at(-1) ?? null);
  }

  /** What a day of the cron gives, but for ticks that the wall shows on a day that is left out. */
  private ticksOf(cron: CronDays, day: number): readonly Instant[] {
    const { leftOut, zone } = this;
    if (leftOut === null) return ticksOfDay(cron, zone, day);
    // Only a gap over midnight moves a tick to another day than its own.
    if (zone.instants(day + DAY_MS - 1).length > 0) return leftOut.has(day) ? [] : ticksOfDay(cron, zone, day);
    return ticksOfDay(cron, zone, day).filter((tick) => !leftOut.has(zone.wall(tick)));
  }
}

/**
 * The newest days of each expression in each zone: a schedule of every minute asks for the same day again and again, and a
 * day of it takes 4 ms. A few days are enough, since a catch-up goes through them in order.
 */
const days = new WeakMap<CronDays, WeakMap<Zone, Map<number, readonly Instant[]>>>();
const MOST_DAYS = 8;

function ticksOfDay(cron: CronDays, zone: Zone, day: number): readonly Instant[] {
  const zones = days.get(cron) ?? new WeakMap<Zone, Map<number, readonly Instant[]>>();
  days.set(cron, zones);
  const known = zones.get(zone) ?? new Map<number, readonly Instant[]>();
  zones.set(zone, known);
  let ticks = known.get(day);
  if (ticks === undefined) {
    ticks = cron.times
      .flatMap((time) => (cron.everyHour ? zone.instants(day + time) : [zone.lastInstant(day + time)]))
      .sort((a, b) => a - b);
    const [oldest] = known.keys();
    if (known.size >= MOST_DAYS && oldest !== undefined) known.delete(oldest);
    known.set(day, ticks);
  }
  return ticks;
}
