import { describe, expect, it } from "vitest";
import { DELIVERY_SETTINGS, outcomeOf, pauseMs, type DeliveryResult } from "../../engine/core/notify/delivery.ts";

const failed = (reason: "unreachable" | "login" | "deferred"): DeliveryResult => ({
  kind: "retry",
  reason,
  code: reason === "login" ? "MAIL_LOGIN" : "MAIL_UNREACHABLE",
  response: "no",
});

function waitAfter(tryNumber: number, reason: "unreachable" | "login" | "deferred", messageId = "a@nocturne"): number {
  const outcome = outcomeOf(failed(reason), { messageId, tryNumber, triedForMs: 0 }, DELIVERY_SETTINGS);
  if (outcome.kind !== "retried") throw new Error(outcome.kind);
  return outcome.nextTryMs;
}

/** The wait without its jitter, which is up to a quarter. */
const within = (ms: number, base: number): boolean => ms >= base && ms < base * 1.25;

describe("the wait between tries", () => {
  it("doubles from 30 seconds up to an hour", () => {
    const bases = [30, 60, 120, 240, 480, 960, 1920, 3600, 3600].map((seconds) => seconds * 1000);
    for (const [index, base] of bases.entries()) {
      expect(within(waitAfter(index + 1, "deferred"), base), `try ${index + 1}`).toBe(true);
    }
    expect(within(waitAfter(10_000, "login"), 3_600_000)).toBe(true);
  });

  it("is five seconds for the first tries at a server that does not answer, then grows the same way", () => {
    const bases = [5, 5, 5, 30, 60].map((seconds) => seconds * 1000);
    for (const [index, base] of bases.entries()) {
      expect(within(waitAfter(index + 1, "unreachable"), base), `try ${index + 1}`).toBe(true);
    }
  });

  it("is always the same for one mail and differs between mails", () => {
    expect(waitAfter(3, "deferred")).toBe(waitAfter(3, "deferred"));
    const waits = new Set(Array.from({ length: 50 }, (_, index) => waitAfter(3, "deferred", `${index}@nocturne`)));
    expect(waits.size).toBeGreaterThan(45);
  });
});

describe("the end of a mail", () => {
  it("comes with the first failure five days after the first try", () => {
    const after = (triedForMs: number) =>
      outcomeOf(failed("unreachable"), { messageId: "a", tryNumber: 200, triedForMs }, DELIVERY_SETTINGS);
    expect(after(5 * 86_400_000 - 1).kind).toBe("retried");
    expect(after(5 * 86_400_000)).toEqual({ kind: "given_up", code: "MAIL_UNREACHABLE" });
  });

  it("comes at once with a refusal, and with an acceptance however late", () => {
    const mail = { messageId: "a", tryNumber: 1, triedForMs: 0 };
    const refused: DeliveryResult = { kind: "refused", code: "MAIL_REFUSED", response: "550" };
    expect(outcomeOf(refused, mail, DELIVERY_SETTINGS)).toEqual({ kind: "refused", code: "MAIL_REFUSED" });
    const late = { ...mail, triedForMs: 9 * 86_400_000 };
    expect(outcomeOf({ kind: "accepted", response: "250" }, late, DELIVERY_SETTINGS)).toEqual({ kind: "accepted" });
  });
});

it("a server that fails is left alone for longer and longer, at most five minutes", () => {
  const pauses = [0, 1, 2, 3, 4, 5, 6, 7, 8, 100].map((failures) => pauseMs(failures, DELIVERY_SETTINGS) / 1000);
  expect(pauses).toEqual([0, 5, 5, 5, 30, 60, 120, 240, 300, 300]);
});
