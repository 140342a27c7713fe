const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
] as const;

const SHORT = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/;
const ISO = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,3})?)S)?)?$/;

/** Milliseconds of "90s", "5m", "2h", "1d", "1h30m" or ISO 8601 ("PT1H30M"); null when it is no duration. */
export function parseDuration(text: string): number | null {
  const parts = SHORT.exec(text) ?? ISO.exec(text);
  if (parts === null || parts.slice(1).every((part) => part === undefined)) return null;
  const total = UNITS.reduce((sum, [, size], index) => sum + Math.round(Number(parts[index + 1] ?? 0) * size), 0);
  return Number.isSafeInteger(total) ? total : null;
}

/** The shortest text that parseDuration reads back as `ms`: "1h30m". */
export function formatDuration(ms: number): string {
  let rest = ms;
  const text = UNITS.map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count === 0 ? "" : `${count}${unit}`;
  }).join("");
  return text === "" ? "0s" : text;
}
