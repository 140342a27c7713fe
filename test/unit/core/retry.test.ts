import fc from "fast-check";
import { expect, test } from "vitest";
import { pushbackMs, retryAt } from "../../../engine/core/machine/retry.ts";
import { taskSpec } from "../../scenario/scenario.ts";

const key = fc.stringMatching(/^[0-9a-f]{48}$/);

test("a retry without back-off waits exactly its delay", () => {
  expect(retryAt(taskSpec("a", { retryDelayMs: 300_000 }), 3, "f".repeat(48), 1_000)).toBe(301_000);
});

test("a retry with back-off waits between one and two bases, never longer than the maximum, and always the same", () => {
  fc.assert(
    fc.property(
      key,
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 600_000 }),
      (launchKey, tryNumber, delay) => {
        const spec = taskSpec("a", { retryDelayMs: delay, retryBackoff: 2, maxRetryDelayMs: 3_600_000 });
        const waited = retryAt(spec, tryNumber, launchKey, 0);
        const base = delay * 2 ** (tryNumber - 1);
        expect(waited).toBeGreaterThanOrEqual(Math.min(base, 3_600_000));
        expect(waited).toBeLessThanOrEqual(Math.min(2 * base, 3_600_000));
        expect(retryAt(spec, tryNumber, launchKey, 0)).toBe(waited);
      },
    ),
  );
});

test("a retry's delay is a whole number within its bounds, whatever the delay, the back-off and the number of tries", () => {
  fc.assert(
    fc.property(
      key,
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.integer({ min: 0, max: 7 * 86_400_000 }),
      fc.double({ min: 0.1, max: 1_000, noNaN: true }),
      fc.integer({ min: 0, max: 7 * 86_400_000 }),
      (launchKey, tryNumber, retryDelayMs, retryBackoff, maxRetryDelayMs) => {
        const spec = taskSpec("a", { retryDelayMs, retryBackoff, maxRetryDelayMs });
        const waited = retryAt(spec, tryNumber, launchKey, 1_000) - 1_000;
        expect(Number.isSafeInteger(waited)).toBe(true);
        expect(waited).toBeGreaterThanOrEqual(Math.min(retryDelayMs, maxRetryDelayMs));
        expect(waited).toBeLessThanOrEqual(maxRetryDelayMs);
        expect(retryAt(spec, tryNumber, launchKey, 1_000) - 1_000).toBe(waited);
      },
    ),
  );
});

test("no delay at all stays none, after ten thousand tries too", () => {
  const none = taskSpec("a", { retryDelayMs: 0, retryBackoff: 2 });
  expect(retryAt(none, 10_000, "f".repeat(48), 1_000)).toBe(1_001);
});

test("throttled launches back off to two minutes at the most, and obey the service's own wish", () => {
  fc.assert(
    fc.property(key, fc.nat(1_000), (launchKey, pushbacks) => {
      const waited = pushbackMs(500, pushbacks, launchKey, undefined);
      expect(waited).toBeGreaterThanOrEqual(500);
      expect(waited).toBeLessThanOrEqual(120_000);
    }),
  );
  expect(pushbackMs(500, 9, "0".repeat(48), 1_234)).toBe(1_234);
});
