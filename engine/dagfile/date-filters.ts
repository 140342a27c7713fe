import { isoText } from "../core/schedule/runs.ts";
import { DAY_MS, Zone, dayText, dayWall } from "../core/schedule/zone.ts";

/** {{ ds | date_add: -1 }}: the day, or the instant, so many days later, in the form it came in. */
export function dateAdd(value: unknown, days: unknown): string {
  const text = String(value);
  const count = Number(days);
  if (!Number.isInteger(count))
    throw new Error(`date_add: expected a whole number of days, got ${JSON.stringify(days)}`);
  const wall = dayWall(text);
  return wall === null ? isoText(instantOf("date_add", text) + count * DAY_MS) : dayText(wall + count * DAY_MS);
}

/** {{ ds | date_format: "%Y/%m/%d" }}: strftime; an instant is shown in UTC or in the zone named second. */
export function dateFormat(value: unknown, format: unknown, zone?: unknown): string {
  const text = String(value);
  const at = dayWall(text) ?? zoneOf(zone).wall(instantOf("date_format", text));
  return String(format).replace(/%(-?)(.)/g, (written, plain: string, code: string) => {
    if (code === "%") return "%";
    const part = PARTS[code];
    if (part === undefined)
      throw new Error(`date_format: ${written} is not known; known: ${Object.keys(PARTS).join(" ")}`);
    const shown = part(new Date(at));
    return plain === "" ? shown : shown.replace(/^0+(?=.)/, "");
  });
}

const two = (value: number): string => String(value).padStart(2, "0");
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

/** On a wall time, read as if it were UTC. */
const PARTS: Readonly<Record<string, (wall: Date) => string>> = {
  Y: (wall) => String(wall.getUTCFullYear()),
  y: (wall) => two(wall.getUTCFullYear() % 100),
  m: (wall) => two(wall.getUTCMonth() + 1),
  d: (wall) => two(wall.getUTCDate()),
  H: (wall) => two(wall.getUTCHours()),
  M: (wall) => two(wall.getUTCMinutes()),
  S: (wall) => two(wall.getUTCSeconds()),
  j: (wall) => String(Math.floor((wall.getTime() - Date.UTC(wall.getUTCFullYear(), 0)) / DAY_MS) + 1).padStart(3, "0"),
  u: (wall) => String(wall.getUTCDay() || 7),
  A: (wall) => DAYS[wall.getUTCDay()] ?? "",
  a: (wall) => (DAYS[wall.getUTCDay()] ?? "").slice(0, 3),
  B: (wall) => MONTHS[wall.getUTCMonth()] ?? "",
  b: (wall) => (MONTHS[wall.getUTCMonth()] ?? "").slice(0, 3),
  F: (wall) => dayText(wall.getTime()),
};

function zoneOf(name: unknown): Zone {
  return Zone.of(typeof name === "string" ? name : "UTC");
}

function instantOf(filter: string, text: string): number {
  const instant = /^\d{4}-\d{2}-\d{2}T/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(instant)) throw new Error(`${filter}: ${JSON.stringify(text)} is no date`);
  return instant;
}
