import type { EngineSettings } from "./settings.ts";

/**
 * How long until the next look at a remote job (protocol rule 21): a third of the time it has run, from pollMinMs to
 * pollMaxMs. So a short job is seen to end soon after it did, and a job of hours is asked twice a minute.
 */
export function pollDelayMs(settings: EngineSettings, elapsedMs: number, wish: number | undefined): number {
  const wanted = wish ?? elapsedMs / 3;
  return Math.min(settings.pollMaxMs, Math.max(settings.pollMinMs, wanted));
}
