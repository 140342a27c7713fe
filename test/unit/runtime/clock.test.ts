import { afterEach, expect, test, vi } from "vitest";
import { EngineClock } from "../../../engine/runtime/clock.ts";

afterEach(() => {
  vi.useRealTimers();
});

const HOUR = 3_600_000;

test("a process whose own clock is an hour ahead writes by Postgres's clock as soon as it writes", () => {
  vi.useFakeTimers({ now: 10 * HOUR });
  const clock = new EngineClock();
  expect(clock.now()).toBe(10 * HOUR);
  clock.sync(9 * HOUR, clock.mark());
  vi.advanceTimersByTime(5);
  expect(clock.now()).toBe(9 * HOUR + 5);
});

test("once it follows Postgres's clock the engine's time never goes back", () => {
  vi.useFakeTimers({ now: 0 });
  const clock = new EngineClock();
  clock.sync(9 * HOUR, clock.mark());
  expect(clock.now()).toBe(9 * HOUR);
  clock.sync(8 * HOUR, clock.mark());
  expect(clock.now()).toBe(9 * HOUR);
});
