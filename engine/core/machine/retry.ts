import type { TaskSpec } from "../dag.ts";
import type { FailureClass, TaskFailure } from "../operator.ts";
import type { Instant } from "../json.ts";

/** Classes for which another try can help. `lost` would risk a second job, so it is not among them. */
const RETRIED: readonly string[] = ["retryable", "capacity", "resource_gone"] satisfies FailureClass[];

/** Whether another try may help after this failure: its class or its code is named by `retry_on`. */
export const isRetried = (failure: TaskFailure, { retryOn }: Pick<TaskSpec, "retryOn">): boolean =>
  (retryOn ?? RETRIED).includes(failure.class) || (retryOn?.includes(failure.code) ?? false);

/**
 * When the try after `tryNumber` may start. The base grows by `retryBackoff`; the jitter is taken from the launch key, so
 * that the same attempt always gets the same delay: between one and two bases, at most maxRetryDelayMs. Source: Airflow's next_retry_datetime.
 */
export function retryAt(spec: TaskSpec, tryNumber: number, launchKey: string, endedAt: Instant): Instant {
  // Many tries grow beyond every number: what would be infinite, or nothing times infinity, is the maximum.
  const growth = Math.min(Number.MAX_SAFE_INTEGER, Math.max(1, spec.retryBackoff) ** (tryNumber - 1));
  const base = Math.max(1, Math.ceil(spec.retryDelayMs * growth));
  const jitter = spec.retryBackoff > 1 ? parseInt(launchKey.slice(0, 8), 16) % base : 0;
  return endedAt + Math.min(base + jitter, spec.maxRetryDelayMs);
}

/** How long a launch that was throttled waits: doubles from `firstMs` to 120 times that; the service's own wish wins. */
export function pushbackMs(
  firstMs: number,
  pushbacks: number,
  launchKey: string,
  retryAfterMs: number | undefined,
): number {
  if (retryAfterMs !== undefined) return retryAfterMs;
  const base = firstMs * Math.min(120, 2 ** Math.min(pushbacks, 7));
  return base + (parseInt(launchKey.slice(8, 16), 16) % base);
}
