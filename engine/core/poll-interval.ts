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
 * When after a takeover the first look comes of those that are looked at together: some time within their interval, always
 * the same for the same `seed` (hex). All at once they would meet the services' quotas.
 */
export function spreadMs(intervalMs: number, minMs: number, seed: string): number {
  return Math.max(minMs, intervalMs * (parseInt(seed.slice(0, 8), 16) / 2 ** 32));
}

/** The middle one, or the lower of the two in the middle; null: there is none. */
export function medianOf(values: readonly number[]): number | null {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 1] ?? null;
}
