import type { Launch } from "../../../engine/core/operator.ts";

/** ClientRequestToken. Athena does not say for how long it drops a second request; an hour is what we count on. */
export const ATHENA_LAUNCH = { kind: "token", ttlMs: 3_600_000, maxLength: 128 } as const satisfies Launch;
