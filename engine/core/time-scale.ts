import type { Instant } from "./json.ts";
import type { Launch } from "./operator.ts";
import type { EngineSettings } from "./settings.ts";

/** One clock for the engine and the local-aws it drives: `factor` times as fast as the wall's, from one moment on. */
export interface TimeScale {
  readonly factor: number;
  /** At this moment by the wall … */
  readonly realFrom: Instant;
  /** … the scaled clock read this. */
  readonly engineFrom: Instant;
}

export const REAL_TIME: TimeScale = { factor: 1, realFrom: 0, engineFrom: 0 };

/** What the scaled clock reads at `real` by the wall. */
export const scaledTime = (scale: TimeScale, real: Instant): Instant =>
  scale.engineFrom + (real - scale.realFrom) * scale.factor;

/**
 * The protocol's durations are about real requests and real processes: on a clock that runs faster they are longer by as
 * much. The writer's row is kept by the wall's clock alone.
 */
export function scaledSettings(settings: EngineSettings, { factor }: TimeScale): EngineSettings {
  if (factor === 1) return settings;
  const times = (ms: number): number => ms * factor;
  return {
    ...settings,
    sendWindowMs: times(settings.sendWindowMs),
    requestLimitMs: times(settings.requestLimitMs),
    visibilityMs: settings.visibilityMs === null ? null : times(settings.visibilityMs),
    pushbackMs: times(settings.pushbackMs),
    searchAgainMs: times(settings.searchAgainMs),
    lostAfterMs: times(settings.lostAfterMs),
    pollMinMs: times(settings.pollMinMs),
    pollMaxMs: times(settings.pollMaxMs),
    endingAlarmMs: times(settings.endingAlarmMs),
    repeatMs: times(settings.repeatMs),
  };
}

/** What a service remembers and when it shows a job are real durations too: on a faster clock they are longer. */
export function scaledLaunch(launch: Launch, { factor }: TimeScale): Launch {
  if (launch.kind === "token") return { ...launch, ttlMs: launch.ttlMs * factor };
  if (launch.kind === "find") return { ...launch, visibilityMs: launch.visibilityMs * factor };
  return launch;
}
