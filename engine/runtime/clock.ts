import type { Instant } from "../core/json.ts";
import { REAL_TIME, scaledTime, type TimeScale } from "../core/time-scale.ts";

const MOST_ROUND_TRIP_MS = 1_000;

export interface ClockMark {
  readonly monotonic: number;
  readonly wall: number;
}

/**
 * The engine's time (protocol rule 9): Postgres's clock at the last renewal plus what has passed here since; it never goes
 * back. Over a scaled local-aws it runs as fast as that does. Elapsed time is the greater of the monotonic and the wall clock, so that a suspended machine does not live on.
 */
export class EngineClock {
  private base = Date.now();
  private monotonicAt = performance.now();
  private wallAt = Date.now();
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
    this.isSet = true;
    this.base = postgresNow;
    this.monotonicAt = sentAt.monotonic;
    this.wallAt = sentAt.wall;
  }

  mark(): ClockMark {
    return { monotonic: performance.now(), wall: Date.now() };
  }

  /** How long `engineMs` of the engine's time take by the wall: what timers wait. */
  realMs(engineMs: number): number {
    return engineMs / this.scale.factor;
  }

  now(): Instant {
    const elapsed = Math.max(performance.now() - this.monotonicAt, Date.now() - this.wallAt);
    const now = Math.floor(scaledTime(this.scale, this.base + elapsed));
    // What this machine's own clock showed while it stood by must not hold back the time it writes by.
    if (!this.isSet) return now;
    this.latest = Math.max(this.latest, now);
    return this.latest;
  }
}
