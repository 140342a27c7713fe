import type { ScheduleSpec } from "../dag.ts";
import type { Instant } from "../json.ts";
import { LeftOutDays, midnight } from "./calendar.ts";
import type { TickSet } from "./tick-set.ts";
import { DAY_MS, Zone } from "./zone.ts";

/** Many times over: every number of days, on every day of the week, in summer and in winter. */
const RECURS_WITHIN_MS = 50 * 366 * DAY_MS;

/**
 * Ticks at equal distances from an anchor, before it too: a backfill may go there. They count elapsed time and not the
 * wall's, as Airflow's timedelta: after a change of the clocks the wall shows another time.
 */
export class EvenTicks implements TickSet {
  private readonly anchor: Instant;
  private readonly every: number;
  private readonly zone: Zone;
  private readonly leftOut: LeftOutDays | null;

  constructor(schedule: ScheduleSpec, everyMs: number, anchor: Instant) {
    this.anchor = anchor;
    this.every = everyMs;
    this.zone = Zone.of(schedule.timezone);
    this.leftOut = LeftOutDays.of(schedule);
  }

  between(from: Instant, until: Instant): Instant[] {
    const found: Instant[] = [];
    for (let tick = this.next(from - 1); tick !== null && tick < until; tick = this.next(tick)) found.push(tick);
    return found;
  }

  next(instant: Instant): Instant | null {
    const { leftOut, every, zone } = this;
    let tick = this.firstAfter(instant);
    if (leftOut === null) return tick;
    const limit = leftOut.searchUntil(instant, RECURS_WITHIN_MS);
    while (leftOut.has(zone.wall(tick))) {
      if (tick > limit) return null;
      const morrow = zone.firstInstant(midnight(zone.wall(tick)) + DAY_MS);
      tick = Math.max(tick + every, this.isOneStretch(tick, morrow) ? this.firstAfter(morrow - 1) : 0);
    }
    return tick;
  }

  previous(instant: Instant): Instant | null {
    const { leftOut, every, zone } = this;
    let tick = this.lastBefore(instant);
    if (leftOut === null) return tick;
    const limit = leftOut.searchFrom(instant, RECURS_WITHIN_MS);
    while (leftOut.has(zone.wall(tick))) {
      if (tick < limit) return null;
      const morning = zone.firstInstant(midnight(zone.wall(tick)));
      tick = Math.min(tick - every, this.isOneStretch(tick, morning) ? this.lastBefore(morning) : Infinity);
    }
    return tick;
  }

  private firstAfter(instant: Instant): Instant {
    return this.anchor + (Math.floor((instant - this.anchor) / this.every) + 1) * this.every;
  }

  private lastBefore(instant: Instant): Instant {
    return this.anchor + (Math.ceil((instant - this.anchor) / this.every) - 1) * this.every;
  }

  /** Whether the rest of a day may be passed over at once: where the clock changes, another day may lie within. */
  private isOneStretch(a: Instant, b: Instant): boolean {
    return this.zone.wall(a) - a === this.zone.wall(b) - b;
  }
}
