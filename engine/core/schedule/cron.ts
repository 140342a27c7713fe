import { Cron } from "croner";
import { DAY_MS } from "./zone.ts";

const PRESETS: Readonly<Record<string, string>> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
  "@quarterly": "0 0 1 */3 *",
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@midnight": "0 0 * * *",
};
/** Names that stand for an expression. */
export const CRON_PRESETS = Object.keys(PRESETS);

/** A day far from the calendar's edges, to list the times of one day. */
const SOME_DAY = Date.UTC(2001, 0, 1);

/**
 * A cron expression as what it is: a set of days and a set of times of day, in wall-clock time (see Zone).
 * croner answers a tick in 0.1 ms; split this way it is asked once per distinct day, and not at all for "every day".
 */
export interface CronDays {
  /** Milliseconds since midnight, in order. */
  readonly times: readonly number[];
  /** The hour field is `*`: such a schedule follows the clock through a fold and runs in both of its hours. */
  readonly everyHour: boolean;
  /** No more than this lies between two days of the same day of the week, if there is another. */
  readonly sameWeekdayWithinMs: number;
  /** The first day at or after `day` (both as the wall time of midnight); null: none in croner's range. */
  nextDay(day: number): number | null;
  /** The last day at or before `day`. */
  previousDay(day: number): number | null;
}

const compiled = new Map<string, CronDays>();

const WEEK_MS = 7 * DAY_MS;
/** The rarest day that cron knows, a 29th of February on one day of the week, comes back after 40 years at the latest. */
const LONG_MS = 50 * 366 * DAY_MS;

/** Compiles a five-field expression or a preset; throws croner's own error when it is invalid. */
export function cronDays(expression: string): CronDays {
  let days = compiled.get(expression);
  if (days === undefined) {
    days = compile(expression);
    compiled.set(expression, days);
  }
  return days;
}

/** Why croner refuses an expression, or null when it is a schedule with at least one day. */
export function cronProblem(expression: string): string | null {
  try {
    return cronDays(expression).nextDay(SOME_DAY) === null ? "it never comes due" : null;
  } catch (error) {
    return (error as Error).message.replace(/^CronPattern: /, "");
  }
}

function compile(expression: string): CronDays {
  const text = PRESETS[expression] ?? expression.trim();
  const inUtc = (pattern: string): Cron => new Cron(pattern, { timezone: "UTC", mode: "5-part", paused: true });
  inUtc(text);
  const [minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = ""] = text.split(/\s+/);
  const clock = inUtc(`${minute} ${hour} * * *`);
  const times: number[] = [];
  for (let at = clock.nextRun(new Date(SOME_DAY - 1)); at !== null && at.getTime() < SOME_DAY + DAY_MS;) {
    times.push(at.getTime() - SOME_DAY);
    at = clock.nextRun(at);
  }
  const isAnyDate = dayOfMonth === "*" && month === "*";
  // The second Monday (1#2) and the last Friday (5L) are no days of every week.
  const isWeekly = isAnyDate && !/[#L]/i.test(dayOfWeek);
  const shared = { times, everyHour: hour === "*", sameWeekdayWithinMs: isWeekly ? WEEK_MS : LONG_MS };
  if (isAnyDate && dayOfWeek === "*") {
    return { ...shared, nextDay: (day) => day, previousDay: (day) => day };
  }
  const days = inUtc(`0 0 ${dayOfMonth} ${month} ${dayOfWeek}`);
  return {
    ...shared,
    nextDay: (day) => days.nextRun(new Date(day - 1))?.getTime() ?? null,
    previousDay: (day) => days.previousRuns(1, new Date(day + 1000))[0]?.getTime() ?? null,
  };
}
