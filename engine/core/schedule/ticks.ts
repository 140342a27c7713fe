import type { ScheduleSpec } from "../dag.ts";
import type { Instant } from "../json.ts";
import type { CronDays } from "./cron.ts";
import { cronDays } from "./cron.ts";
import { DAY_MS, Zone } from "./zone.ts";

/**
 * The ticks of a cron schedule, as instants. Wall-clock time, as in Airflow (reference/airflow.md 1.6):
 * - in a fold (the clock goes back) only an hour field of `*` ticks in both hours; any other ticks once, in the later one;
 * - in a gap (the clock goes forward) an hour field of `*` has no tick, and any other ticks at the first instant after it.
 * Because a tick is an instant and ticks are a set, looking forward and looking back always agree.
 */
type Tickable = Pick<ScheduleSpec, "cron" | "timezone">;

/** Every tick in [from, until), in order, each once. */
export function ticksBetween(schedule: Tickable, from: Instant, until: Instant): Instant[] {
  const zone = Zone.of(schedule.timezone);
  const found = new Set<Instant>();
  // A day more on either side: a gap moves ticks, and a fold may cross midnight.
  const firstDay = midnight(zone.wall(from)) - DAY_MS;
  const lastDay = midnight(zone.wall(until)) + DAY_MS;
  for (const cron of schedule.cron.map(cronDays)) {
    for (let day = cron.nextDay(firstDay); day !== null && day <= lastDay; day = cron.nextDay(day + DAY_MS)) {
      for (const tick of ticksOfDay(cron, zone, day)) if (from <= tick && tick < until) found.add(tick);
    }
  }
  return [...found].sort((a, b) => a - b);
}

/** The first tick after `instant`; null when the schedule has no more. */
export function nextTick(schedule: Tickable, instant: Instant): Instant | null {
  const zone = Zone.of(schedule.timezone);
  const bounds = schedule.cron.map(cronDays).map((cron) => {
    let day = cron.nextDay(midnight(zone.wall(instant)) - DAY_MS);
    while (day !== null) {
      const tick = ticksOfDay(cron, zone, day).find((at) => at > instant);
      if (tick !== undefined) return tick;
      day = cron.nextDay(day + DAY_MS);
    }
    return Infinity;
  });
  const bound = Math.min(...bounds);
  // Around a fold that crosses midnight the next day's tick can come first.
  return bound === Infinity ? null : (ticksBetween(schedule, instant + 1, bound + 1)[0] ?? null);
}

/** The last tick before `instant`; null when there is none. */
export function previousTick(schedule: Tickable, instant: Instant): Instant | null {
  const zone = Zone.of(schedule.timezone);
  const bounds = schedule.cron.map(cronDays).map((cron) => {
    let day = cron.previousDay(midnight(zone.wall(instant)) + DAY_MS);
    while (day !== null) {
      const tick = ticksOfDay(cron, zone, day).findLast((at) => at < instant);
      if (tick !== undefined) return tick;
      day = cron.previousDay(day - DAY_MS);
    }
    return -Infinity;
  });
  const bound = Math.max(...bounds);
  return bound === -Infinity ? null : (ticksBetween(schedule, bound, instant).at(-1) ?? null);
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

const midnight = (wall: number): number => Math.floor(wall / DAY_MS) * DAY_MS;
