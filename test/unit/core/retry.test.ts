import fc from "fast-check";
import { expect, test } from "vitest";
import { pushbackMs, retryAt } from "../../../engine/core/machine/retry.ts";
import { pollDelayMs } from "../../../engine/core/poll-interval.ts";
import { DEFAULT_SETTINGS } from "../../../engine/core/settings.ts";
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

test("rule 21: looks stay between the shortest and the longest interval and grow with the job", () => {
  expect(pollDelayMs(DEFAULT_SETTINGS, 0, undefined)).toBe(2_000);
  expect(pollDelayMs(DEFAULT_SETTINGS, 30_000, undefined)).toBe(10_000);
  expect(pollDelayMs(DEFAULT_SETTINGS, 3_600_000, undefined)).toBe(30_000);
});
