import type { EngineSettings } from "./settings.ts";

/**
 * How long until the next look at a remote job (protocol rule 21): as long as it has run, so that the time between two looks
 * doubles, up to a tenth of the median that its task took before; from pollMinMs to pollMaxMs. One that runs longer than
 * usual is looked at every tenth of its own time. `wish` is the operator's own word.
 */
export function pollDelayMs(
  settings: Pick<EngineSettings, "pollMinMs" | "pollMaxMs">,
  elapsedMs: number,
  medianMs: number | null,
  wish?: number,
): number {
  const most = medianMs === null ? Infinity : Math.max(medianMs, elapsedMs) / 10;
  const wanted = wish ?? Math.min(elapsedMs, most);
  return Math.min(settings.pollMaxMs, Math.max(settings.pollMinMs, wanted));
}

/**
 * How long until something that has been owed for so long is asked of a service again: one that refuses, or does not answer,
 * is asked less and less often.
 */
export const repeatDelayMs = (
  { repeatMs, pollMaxMs }: Pick<EngineSettings, "repeatMs" | "pollMaxMs">,
  owedForMs: number,
): number => Math.max(repeatMs, Math.min(pollMaxMs, owedForMs / 10));

/** So many calls a second are made for first looks after a takeover: all at once they would meet the services' quotas. */
const FIRST_LOOKS_PER_SECOND = 100;

/** When after a takeover the first look comes of the `nth` of those that one call shows (rule 21). */
export function firstLookMs(
  { pollMinMs, pollMaxMs }: Pick<EngineSettings, "pollMinMs" | "pollMaxMs">,
  nth: number,
): number {
  return Math.max(pollMinMs, Math.min(pollMaxMs, pollMinMs + (nth * 1_000) / FIRST_LOOKS_PER_SECOND));
}

/** The middle one, or the lower of the two in the middle; null: there is none. */
export function medianOf(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 1] ?? null;
}
