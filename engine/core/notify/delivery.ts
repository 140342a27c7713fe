import type { ErrorCode } from "../errors.ts";

/**
 * What became of one try to hand a mail over.
 * - accepted: the server has taken it on; not for the addresses in `rejected`
 * - retry: not now. unreachable: no server, or none that works just now · login: it does not let us in · deferred: it put
 *   this one mail off
 * - refused: the server will never take this mail
 */
export type DeliveryResult =
  | { readonly kind: "accepted"; readonly response: string; readonly rejected?: readonly string[] }
  | {
      readonly kind: "retry";
      readonly reason: "unreachable" | "login" | "deferred";
      readonly code: ErrorCode;
      readonly response: string;
    }
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly response: string };

/** What the store writes of a try: when a mail is tried again, or how it ended. */
export type DeliveryOutcome =
  | { readonly kind: "accepted" }
  | { readonly kind: "retried"; readonly code: ErrorCode; readonly nextTryMs: number }
  | { readonly kind: "refused"; readonly code: ErrorCode }
  | { readonly kind: "given_up"; readonly code: ErrorCode };

/** How long mails wait between tries. Real time: mail servers know no scaled clock. */
export interface DeliverySettings {
  /** The first wait; it doubles from try to try … */
  readonly firstMs: number;
  /** … up to this. */
  readonly mostMs: number;
  /** The wait of the first tries at a server that does not answer: it is often just being restarted. */
  readonly quickMs: number;
  readonly quickTries: number;
  /** A mail that still cannot be handed over this long after its first try is given up. */
  readonly giveUpAfterMs: number;
  /** The longest that nothing at all is sent to a server that fails. */
  readonly mostPauseMs: number;
}

export const DELIVERY_SETTINGS: DeliverySettings = {
  firstMs: 30_000,
  mostMs: 3_600_000,
  quickMs: 5_000,
  quickTries: 3,
  giveUpAfterMs: 5 * 24 * 3_600_000,
  mostPauseMs: 5 * 60_000,
};

/** What follows from a result: `tryNumber` counts from 1, `triedForMs` is the time since the first try. */
export function outcomeOf(
  result: DeliveryResult,
  mail: { readonly messageId: string; readonly tryNumber: number; readonly triedForMs: number },
  settings: DeliverySettings,
): DeliveryOutcome {
  if (result.kind === "accepted") return { kind: "accepted" };
  const { code } = result;
  if (result.kind === "refused") return { kind: "refused", code };
  if (mail.triedForMs >= settings.giveUpAfterMs) return { kind: "given_up", code };
  const isQuick = result.reason === "unreachable" && mail.tryNumber <= settings.quickTries;
  const doublings = mail.tryNumber - 1 - (result.reason === "unreachable" ? settings.quickTries : 0);
  const base = isQuick ? settings.quickMs : doubled(settings.firstMs, doublings, settings.mostMs);
  return { kind: "retried", code, nextTryMs: base + jitter(mail.messageId, base) };
}

/**
 * How long nothing is sent after `failures` sends in a row that failed for the server's sake: a thousand mails do not knock
 * a thousand times at a door that is shut, and a wrong password does not lock the account.
 */
export function pauseMs(failures: number, settings: DeliverySettings): number {
  if (failures === 0) return 0;
  if (failures <= settings.quickTries) return Math.min(settings.quickMs, settings.mostPauseMs);
  return doubled(settings.firstMs, failures - settings.quickTries - 1, settings.mostPauseMs);
}

const doubled = (firstMs: number, times: number, mostMs: number): number =>
  Math.min(mostMs, firstMs * 2 ** Math.min(Math.max(0, times), 30));

/** Up to a quarter of the wait, always the same for one mail: mails that failed together do not come back together. */
function jitter(messageId: string, waitMs: number): number {
  // FNV-1a, 32 bits: spreads well enough and needs no library.
  let hash = 0x811c9dc5;
  for (const char of messageId) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return Math.floor((waitMs / 4) * (hash / 2 ** 32));
}
