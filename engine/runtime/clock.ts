import type { Instant } from "../core/json.ts";
import { REAL_TIME, scaledTime, type TimeScale } from "../core/time-scale.ts";

const MOST_ROUND_TRIP_MS = 1_000;

export interface ClockMark {
  readonly monotonic: number;
  readonly wall: number;
}

/** How much faster than real time the clock loses what it is ahead of Postgres: at half its speed it still goes on. */
const CATCH_UP = 0.5;

/**
 * The engine's time (protocol rule 9): Postgres's clock at the last renewal plus what has passed here since. It never goes
 * back and never stands still: set back, it goes at half its speed until Postgres has caught up. Over a scaled local-aws it
 * runs as fast as that does.
 */
export class EngineClock {
  private base = Date.now();
  private at = this.mark();
  /** By how much it was ahead of Postgres when it was set last. */
  private lead = 0;
  private latest = 0;
  private isSet = false;
  private readonly scale: TimeScale;

  constructor(scale: TimeScale = REAL_TIME) {
    this.scale = scale;
  }

  /** `postgresNow` was read somewhere between `sentAt` (from `mark`) and now: the earlier end is taken. */
  sync(postgresNow: number, sentAt: ClockMark): void {
    // An answer that was long on its way says too little: taken at its word it would put the clock ahead (rule 16's waits).
    if (performance.now() - sentAt.monotonic > MOST_ROUND_TRIP_MS && this.isSet) return;
    // What this machine's own clock showed while it stood by must not hold back the time it writes by.
    const shown = this.isSet ? this.now() : 0;
    this.isSet = true;
    this.base = postgresNow;
    this.at = sentAt;
    const passed = this.elapsed();
    this.lead = Math.max(0, shown - this.scaled(passed)) + passed * this.scale.factor * CATCH_UP;
  }

  mark(): ClockMark {
    return { monotonic: performance.now(), wall: Date.now() };
  }

  /** How long `engineMs` of the engine's time take by the wall: what timers wait. */
  realMs(engineMs: number): number {
    return engineMs / this.scale.factor;
  }

  /** A wall clock that somebody sets says nothing here. */
  now(): Instant {
    const passed = this.elapsed();
    const lead = Math.max(0, this.lead - passed * this.scale.factor * CATCH_UP);
    const now = Math.floor(this.scaled(passed) + lead);
    if (!this.isSet) return now;
    this.latest = Math.max(this.latest, now);
    return this.latest;
  }

  /**
   * Whether `at` has surely not passed yet: asked before a request is sent (rule 15). The monotonic clock of a suspended
   * machine may stand still, so the greater of the two counts, although a wall clock may be set.
   */
  isBefore(at: Instant): boolean {
    const unseen = Math.max(0, Date.now() - this.at.wall - this.elapsed());
    return this.now() + unseen * this.scale.factor < at;
  }

  private elapsed(): number {
    return performance.now() - this.at.monotonic;
  }

  private scaled(elapsed: number): number {
    return scaledTime(this.scale, this.base + elapsed);
  }
}
