import { Temporal } from "temporal-polyfill";
import type { Instant } from "../json.ts";

/** A stretch of time with one offset from UTC: [from, until). */
interface Stretch {
  readonly from: Instant;
  readonly until: Instant;
  readonly offsetMs: number;
}

/**
 * Wall-clock time of one zone. A wall time is a number too: the instant at which a clock in UTC would show it, so that
 * plain arithmetic and croner in UTC work on it.
 * Temporal answers 13 us a question, which ten years of days feel; its answers are kept as stretches of equal offset.
 */
export class Zone {
  readonly name: string;
  readonly #stretches: Stretch[] = [];

  private constructor(name: string) {
    this.name = name;
  }

  static readonly #known = new Map<string, Zone>();

  /** The zone of an IANA name; a RangeError when there is none. */
  static of(name: string): Zone {
    let zone = Zone.#known.get(name);
    if (zone === undefined) {
      zone = new Zone(name);
      zone.#stretchAt(0);
      Zone.#known.set(name, zone);
    }
    return zone;
  }

  #stretchAt(instant: Instant): Stretch {
    const known = this.#stretches.find((each) => each.from <= instant && instant < each.until);
    if (known !== undefined) return known;
    const zoned = Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(this.name);
    // "previous" looks strictly before, so ask from just after: a transition may lie on the instant itself.
    const stretch = {
      from: zoned.add({ nanoseconds: 1 }).getTimeZoneTransition("previous")?.epochMilliseconds ?? -Infinity,
      until: zoned.getTimeZoneTransition("next")?.epochMilliseconds ?? Infinity,
      offsetMs: zoned.offsetNanoseconds / 1e6,
    };
    this.#stretches.push(stretch);
    return stretch;
  }

  /** What a clock on the wall shows at `instant`. */
  wall(instant: Instant): number {
    return instant + this.#stretchAt(instant).offsetMs;
  }

  /** Every instant at which the wall shows `wall`, in order: one; two in a fold; none in a gap. */
  instants(wall: number): Instant[] {
    return this.#around(wall)
      .map((stretch) => ({ stretch, at: wall - stretch.offsetMs }))
      .filter(({ stretch, at }) => stretch.from <= at && at < stretch.until)
      .map(({ at }) => at);
  }

  /** The first instant at which the wall shows `wall`; for a wall time that a gap leaves out, the first instant after the gap. */
  firstInstant(wall: number): Instant {
    return this.instants(wall)[0] ?? this.#gapEnd(wall);
  }

  /** Like firstInstant, but of a fold's two the later one. */
  lastInstant(wall: number): Instant {
    return this.instants(wall).at(-1) ?? this.#gapEnd(wall);
  }

  #gapEnd(wall: number): Instant {
    const after = this.#around(wall).find((stretch) => wall - stretch.offsetMs < stretch.from);
    if (after === undefined) throw new Error(`${this.name}: ${wall} is in no gap`);
    return after.from;
  }

  /** The stretches in which `wall` could lie, in order of time; offsets are within a day. */
  #around(wall: number): Stretch[] {
    const list: Stretch[] = [];
    for (let at = wall - DAY_MS; at <= wall + DAY_MS;) {
      const stretch = this.#stretchAt(at);
      list.push(stretch);
      at = stretch.until;
    }
    return list;
  }
}

export const DAY_MS = 86_400_000;

/** "2026-01-31" of a wall time. */
export const dayText = (wall: number): string => new Date(wall).toISOString().slice(0, 10);

/** The wall time at which a day ("2026-01-31") begins; null when there is no such day. */
export function dayWall(day: string): number | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(day)) return null;
  const wall = Date.parse(`${day}T00:00:00Z`);
  return Number.isNaN(wall) || dayText(wall) !== day ? null : wall;
}

/** Whether the IANA zone database knows the name. */
export function isZone(name: string): boolean {
  try {
    Zone.of(name);
    return true;
  } catch {
    return false;
  }
}

/**
 * The instant of "2026-01-01", "2026-01-01T02:00" (in `zone`) or "2026-01-01T02:00:00Z" (with an offset); null when it is none.
 */
export function parseInstant(text: string, zone: string): Instant | null {
  const wall = dayWall(text);
  if (wall !== null) return Zone.of(zone).firstInstant(wall);
  if (!/^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}/.test(text)) return null;
  try {
    return /(?:Z|[+-]\d{2}:?\d{2})$/.test(text)
      ? Temporal.Instant.from(text).epochMilliseconds
      : Zone.of(zone).firstInstant(Temporal.PlainDateTime.from(text).toZonedDateTime("UTC").epochMilliseconds);
  } catch {
    return null;
  }
}
