import { expect, test } from "vitest";
import { DEFAULT_SETTINGS } from "../../../engine/core/settings.ts";
import { REAL_TIME, scaledLaunch, scaledSettings, scaledTime } from "../../../engine/core/time-scale.ts";

const FAST = { factor: 2_400, realFrom: 1_000, engineFrom: 50_000 };

test("a scaled clock reads its anchor at the anchor, and makes forty minutes of a second", () => {
  expect(scaledTime(FAST, 1_000)).toBe(50_000);
  expect(scaledTime(FAST, 2_000)).toBe(50_000 + 40 * 60_000);
});

test("real time is the wall's", () => {
  expect(scaledTime(REAL_TIME, 123_456)).toBe(123_456);
  expect(scaledSettings(DEFAULT_SETTINGS, REAL_TIME)).toBe(DEFAULT_SETTINGS);
});

test("the protocol's durations last as long by the wall as without a scale; the writer's row never asks the scaled clock", () => {
  const scaled = scaledSettings(DEFAULT_SETTINGS, FAST);
  expect(scaled.sendWindowMs).toBe(DEFAULT_SETTINGS.sendWindowMs * 2_400);
  expect(scaled.pollMaxMs).toBe(DEFAULT_SETTINGS.pollMaxMs * 2_400);
  expect(scaled.writerTtlMs).toBe(DEFAULT_SETTINGS.writerTtlMs);
  expect(scaled.writerRenewMs).toBe(DEFAULT_SETTINGS.writerRenewMs);
});

test("a token is remembered, and a job becomes visible, by the wall: both are longer on a faster clock", () => {
  expect(scaledLaunch({ kind: "token", ttlMs: 1_000, maxLength: 64 }, FAST)).toMatchObject({ ttlMs: 2_400_000 });
  expect(scaledLaunch({ kind: "find", visibilityMs: 10 }, FAST)).toMatchObject({ visibilityMs: 24_000 });
  expect(scaledLaunch({ kind: "sensor" }, FAST)).toEqual({ kind: "sensor" });
});
