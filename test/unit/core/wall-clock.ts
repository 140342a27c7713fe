/**
 * A second way to list ticks, minute by minute, that shares nothing with the engine: the wall's time comes from Intl, and a
 * schedule is what its fields say, without a parser.
 */
export interface WallSchedule {
  readonly minutes: readonly number[];
  readonly hours: readonly number[] | "*";
  /** 0 is Sunday; null: every day. */
  readonly weekdays: readonly number[] | null;
  readonly businessDays: boolean;
  readonly skipDates: readonly string[];
}

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export const cronOf = ({ minutes, hours, weekdays }: WallSchedule): string =>
  `${minutes.join(",")} ${hours === "*" ? "*" : hours.join(",")} * * ${weekdays === null ? "*" : weekdays.join(",")}`;

const clocks = new Map<string, Intl.DateTimeFormat>();

/** What the wall shows at `instant`, as if it were UTC. */
export function wallOf(zone: string, instant: number): number {
  let clock = clocks.get(zone);
  if (clock === undefined) {
    const digits = "2-digit";
    const parts = { month: digits, day: digits, hour: digits, minute: digits, second: digits } as const;
    clock = new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", year: "numeric", ...parts });
    clocks.set(zone, clock);
  }
  const [month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0] = (
    clock.format(instant).match(/\d+/g) ?? []
  ).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

const offsetOf = (zone: string, instant: number): number => wallOf(zone, instant) - instant;

/** The instants in [from, until) at which the zone's clocks change, looked for in steps of six days. */
export function changesOf(zone: string, from: number, until: number): number[] {
  const found: number[] = [];
  const step = 6 * DAY;
  for (let at = from; at < until; at += step) {
    const before = offsetOf(zone, at);
    if (before === offsetOf(zone, at + step)) continue;
    let [low, high] = [at, at + step];
    while (high - low > MINUTE) {
      const middle = low + Math.floor((high - low) / 2 / MINUTE) * MINUTE;
      if (offsetOf(zone, middle) === before) low = middle;
      else high = middle;
    }
    found.push(high);
  }
  return found;
}

/** The wall's time at every minute in [from, until); within half an hour the clock changes at most once. */
function wallMinutes(zone: string, from: number, until: number): { readonly at: number; readonly wall: number }[] {
  const list: { readonly at: number; readonly wall: number }[] = [];
  for (let start = from; start < until; start += HOUR / 2) {
    const offset = offsetOf(zone, start);
    const isSame = offset === offsetOf(zone, start + HOUR / 2);
    for (let at = start; at < Math.min(until, start + HOUR / 2); at += MINUTE) {
      list.push({ at, wall: at + (isSame ? offset : offsetOf(zone, at)) });
    }
  }
  return list;
}

/** Every tick in [from, until), by going through the minutes from a day and a half before to as long after. */
export function ticksByMinutes(schedule: WallSchedule, zone: string, from: number, until: number): number[] {
  const { minutes, hours, weekdays, businessDays, skipDates } = schedule;
  const fits = (wall: number): boolean => {
    const date = new Date(wall);
    return (
      minutes.includes(date.getUTCMinutes()) &&
      (hours === "*" || hours.includes(date.getUTCHours())) &&
      (weekdays === null || weekdays.includes(date.getUTCDay()))
    );
  };
  const ticks = new Set<number>();
  const lastShown = new Map<number, number>();
  const shown = wallMinutes(zone, from - 1.5 * DAY, until + 1.5 * DAY);
  let previous = shown[0]?.wall ?? 0;
  for (const { at, wall } of shown) {
    // What a gap leaves out comes at its end.
    for (let left = previous + MINUTE; hours !== "*" && left < wall; left += MINUTE) if (fits(left)) ticks.add(at);
    if (fits(wall)) {
      if (hours === "*") ticks.add(at);
      // Of the two times of a fold, the later.
      else lastShown.set(wall, at);
    }
    previous = wall;
  }
  for (const at of lastShown.values()) ticks.add(at);
  return [...ticks]
    .filter((at) => {
      const day = new Date(wallOf(zone, at));
      const isWeekend = day.getUTCDay() === 0 || day.getUTCDay() === 6;
      return (
        from <= at && at < until && !(businessDays && isWeekend) && !skipDates.includes(day.toISOString().slice(0, 10))
      );
    })
    .sort((a, b) => a - b);
}
