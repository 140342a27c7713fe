import type { Instant } from "../core/json.ts";
import { scaledTime, type TimeScale } from "../core/time-scale.ts";
import { databaseNow } from "../store/database-clock.ts";
import type { Store } from "../store/open.ts";

/** Clocks drift by some milliseconds in this time, and one that was set by hand is wrong no longer than it. */
const LOOK_MS = 10_000;

/** The time of a process that does not write. */
export interface PostgresClock {
  readonly now: () => Instant;
  /** Resolves once nothing is asked of the store any more. */
  stop(): Promise<void>;
}

/**
 * Postgres's clock on the pace of `time`, asked again and again: neither this machine's wall clock nor an engine that stands
 * by knows the time that the writer writes by (rule 9). While the database is away it goes on by itself.
 */
export async function startPostgresClock(store: Store, time: TimeScale): Promise<PostgresClock> {
  let ahead = 0;
  const look = async (): Promise<void> => {
    const sentAt = performance.now();
    ahead = (await databaseNow(store)) - sentAt;
  };
  await look();
  let looking = Promise.resolve();
  const timer = setInterval(() => {
    looking = look().catch(() => undefined);
  }, LOOK_MS);
  return {
    now: () => Math.floor(scaledTime(time, performance.now() + ahead)),
    stop: () => {
      clearInterval(timer);
      return looking;
    },
  };
}
