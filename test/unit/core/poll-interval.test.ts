import fc from "fast-check";
import { expect, test } from "vitest";
import { firstLookMs, medianOf, pollDelayMs, repeatDelayMs } from "../../../engine/core/poll-interval.ts";
import { DEFAULT_SETTINGS } from "../../../engine/core/settings.ts";

const { pollMinMs, pollMaxMs } = DEFAULT_SETTINGS;

/** The times between the looks at a job until it has run for so long. */
function intervals(untilMs: number, medianMs: number | null): number[] {
  const delays: number[] = [];
  for (let elapsed = 0; elapsed < untilMs; elapsed += delays.at(-1) ?? 0) {
    delays.push(pollDelayMs(DEFAULT_SETTINGS, elapsed, medianMs));
  }
  return delays;
}

test("rule 21: the time between looks doubles from the shortest to the longest interval", () => {
  expect(intervals(120_000, null)).toEqual([2_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
});

test("rule 21: a job is looked at at least every tenth of what its task takes as a rule", () => {
  expect(intervals(60_000, 60_000)).toEqual([2_000, 2_000, 4_000, ...Array<number>(9).fill(6_000)]);
  expect(pollDelayMs(DEFAULT_SETTINGS, 3_600_000, 7_200_000)).toBe(pollMaxMs);
  expect(pollDelayMs({ pollMinMs, pollMaxMs: 900_000 }, 3_600_000, 7_200_000)).toBe(720_000);
});

test("rule 21: a job that takes longer than usual is looked at every tenth of its own time", () => {
  expect(pollDelayMs(DEFAULT_SETTINGS, 200_000, 60_000)).toBe(20_000);
  expect(pollDelayMs(DEFAULT_SETTINGS, 3_600_000, 1_000)).toBe(pollMaxMs);
});

test("rule 21: whatever is known, looks stay between the shortest and the longest interval", () => {
  const ms = fc.nat(10 * 3_600_000);
  fc.assert(
    fc.property(ms, fc.option(ms), fc.option(ms, { nil: undefined }), (elapsed, median, wish) => {
      const delay = pollDelayMs(DEFAULT_SETTINGS, elapsed, median, wish);
      expect(delay).toBeGreaterThanOrEqual(pollMinMs);
      expect(delay).toBeLessThanOrEqual(pollMaxMs);
    }),
  );
});

test("rule 21: after a takeover first looks are spread, a hundred calls a second, and within the longest interval", () => {
  expect(firstLookMs(DEFAULT_SETTINGS, 0)).toBe(pollMinMs);
  expect(firstLookMs(DEFAULT_SETTINGS, 100)).toBe(pollMinMs + 1_000);
  expect(firstLookMs(DEFAULT_SETTINGS, 1_000_000)).toBe(pollMaxMs);
});

test("the median is the middle one, whatever the order", () => {
  expect(medianOf([])).toBeNull();
  expect(medianOf([5])).toBe(5);
  expect(medianOf([9, 1, 5])).toBe(5);
  expect(medianOf([10, 9, 1, 2])).toBe(2);
});

test("what a service does not do when it is asked is asked for each second at first, and less and less often", () => {
  const after = (seconds: number): number => repeatDelayMs(DEFAULT_SETTINGS, seconds * 1_000);
  expect([0, 5, 10, 60, 200, 300, 3_600].map(after)).toEqual([1_000, 1_000, 1_000, 6_000, 20_000, 30_000, 30_000]);
});
