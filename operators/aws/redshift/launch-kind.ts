import type { Launch } from "../../../engine/core/operator.ts";

/** ClientToken: the Data API drops a second request with the same one for eight hours. Source: the Data API's reference. */
export const REDSHIFT_LAUNCH = { kind: "token", ttlMs: 8 * 3_600_000, maxLength: 64 } as const satisfies Launch;
