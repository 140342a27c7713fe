import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EngineClock } from "../../../engine/runtime/clock.ts";

const HOUR = 3_600_000;
const START = Date.UTC(2026, 2, 1, 12);

beforeEach(() => {
  vi.useFakeTimers({ now: START, toFake: ["Date", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A clock that Postgres has just set to `START`. */
function clockSet(): EngineClock {
  const clock = new EngineClock();
  clock.sync(START, clock.mark());
  return clock;
}

describe("rule 9: engine time is Postgres's", () => {
  it("goes on as the monotonic clock does, whoever sets this machine's wall clock", () => {
    const clock = clockSet();
    for (const wall of [START + HOUR, START - HOUR]) {
      vi.setSystemTime(wall);
      vi.advanceTimersByTime(500);
    }
    expect(clock.now()).toBe(START + 1_000);
  });

  it("is not held back by what this machine's own clock showed before Postgres was asked", () => {
    vi.setSystemTime(START + HOUR);
    const clock = new EngineClock();
    expect(clock.now()).toBe(START + HOUR);
    clock.sync(START, clock.mark());
    expect(clock.now()).toBe(START);
  });

  it("follows Postgres's clock when that is set forwards", () => {
    const clock = clockSet();
    clock.sync(START + HOUR, clock.mark());
    expect(clock.now()).toBe(START + HOUR);
  });

  it("never goes back and never stands still: set back, it goes at half speed until Postgres has caught up", () => {
    const clock = clockSet();
    clock.sync(START + HOUR, clock.mark());
    let [postgres, before] = [START, clock.now()];
    clock.sync(postgres, clock.mark());
    expect(clock.now()).toBe(before);
    for (let minute = 1; minute <= 119; minute++) {
      vi.advanceTimersByTime(60_000);
      postgres += 60_000;
      if (minute % 2 === 0) clock.sync(postgres, clock.mark());
      expect(clock.now() - before).toBe(30_000);
      before = clock.now();
    }
    vi.advanceTimersByTime(120_000);
    postgres += 120_000;
    expect(clock.now()).toBe(postgres);
    clock.sync(postgres, clock.mark());
    expect(clock.now()).toBe(postgres);
  });
});

describe("rule 15: nothing is sent after send_by", () => {
  it("also when the machine was suspended and its monotonic clock stood still", () => {
    const clock = clockSet();
    expect(clock.isBefore(START + 20_000)).toBe(true);
    vi.setSystemTime(START + 21_000);
    expect(clock.now()).toBe(START);
    expect(clock.isBefore(START + 20_000)).toBe(false);
  });

  it("and a wall clock that was set back gives no more time", () => {
    const clock = clockSet();
    vi.setSystemTime(START - HOUR);
    vi.advanceTimersByTime(20_000);
    expect(clock.isBefore(START + 20_000)).toBe(false);
  });
});
