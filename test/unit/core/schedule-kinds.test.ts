import { describe, expect, it } from "vitest";
import { SCHEDULE_DEFAULTS, type ScheduleSpec } from "../../../engine/core/dag.ts";
import { manualInterval } from "../../../engine/core/schedule/manual-run.ts";
import { dsOf, lastCompleteInterval, plannedAt, runsForRange } from "../../../engine/core/schedule/runs.ts";
import { scheduleText } from "../../../engine/core/schedule/schedule-text.ts";
import { nextTick, previousTick, ticksBetween } from "../../../engine/core/schedule/ticks.ts";
import { comingRuns } from "../../../engine/cli/schedule/coming-runs.ts";

const at = (text: string): number => Date.parse(text);
const iso = (instant: number): string => new Date(instant).toISOString().slice(0, 16) + "Z";
const spec = (schedule: Partial<ScheduleSpec>, start: string | null = null) => ({
  dagId: "kinds",
  schedule: { ...SCHEDULE_DEFAULTS, timezone: "Europe/Berlin", ...schedule },
  timezone: "Europe/Berlin",
  startAt: start === null ? null : at(start),
  endAt: null,
});
const nightly = { cron: ["0 3 * * *"] };

describe("trigger mode", () => {
  const trigger = spec({ ...nightly, mode: "trigger" });

  it("backfills the ticks of the days asked for, each with itself as its date", () => {
    const runs = runsForRange(trigger, "2026-01-02", "2026-01-03");
    expect(runs.map(({ logicalAt }) => iso(logicalAt))).toEqual(["2026-01-02T02:00Z", "2026-01-03T02:00Z"]);
    for (const run of runs) {
      expect([run.intervalStartAt, run.intervalEndAt, run.runAfterAt]).toEqual(Array(3).fill(run.logicalAt));
    }
    expect(runs.map((run) => dsOf(trigger, run))).toEqual(["2026-01-02", "2026-01-03"]);
  });

  it("gives a manual run its own moment, be its date a tick, another or none", () => {
    const runAfterAt = at("2026-01-05T12:00Z");
    expect(manualInterval(trigger, { logicalAt: null, runAfterAt })).toEqual({
      startAt: runAfterAt,
      endAt: runAfterAt,
    });
    for (const logicalAt of [at("2026-01-02T02:00Z"), at("2026-01-02T05:00Z")]) {
      expect(manualInterval(trigger, { logicalAt, runAfterAt })).toEqual({ startAt: logicalAt, endAt: logicalAt });
    }
    expect(dsOf(trigger, { intervalStartAt: null, runAfterAt })).toBe("2026-01-05");
  });
});

describe("interval mode", () => {
  it("takes the last complete interval for a manual run, and that of a tick where its date is one (rule 32)", () => {
    const daily = spec(nightly);
    const runAfterAt = at("2026-01-05T12:00Z");
    const last = { startAt: at("2026-01-04T02:00Z"), endAt: at("2026-01-05T02:00Z") };
    expect(manualInterval(daily, { logicalAt: null, runAfterAt })).toEqual(last);
    expect(lastCompleteInterval(daily, runAfterAt)).toEqual(last);
    expect(manualInterval(daily, { logicalAt: at("2026-01-02T02:00Z"), runAfterAt })).toEqual({
      startAt: at("2026-01-02T02:00Z"),
      endAt: at("2026-01-03T02:00Z"),
    });
  });
});

describe("days left out", () => {
  const business = spec({ ...nightly, businessDays: true, skipDates: ["2025-12-25", "2025-12-26"] });

  it("have no tick, and the interval of the next run reaches back over them", () => {
    const ticks = ticksBetween(business, at("2025-12-23T00:00Z"), at("2025-12-31T00:00Z"));
    expect(ticks.map(iso)).toEqual([
      "2025-12-23T02:00Z",
      "2025-12-24T02:00Z",
      "2025-12-29T02:00Z",
      "2025-12-30T02:00Z",
    ]);
    expect(iso(plannedAt(business, at("2025-12-29T02:00Z")).intervalStartAt)).toBe("2025-12-24T02:00Z");
  });

  it("have no run of their own in a backfill, and the run before covers them", () => {
    const runs = runsForRange(business, "2025-12-24", "2025-12-28");
    expect(runs.map((run) => [dsOf(business, run), iso(run.intervalEndAt)])).toEqual([
      ["2025-12-24", "2025-12-29T02:00Z"],
    ]);
  });

  it("are those of the schedule's zone, whatever the day is elsewhere", () => {
    const tokyo = {
      ...spec({ cron: ["0 2 * * *"], timezone: "Asia/Tokyo", businessDays: true }),
      timezone: "Asia/Tokyo",
    };
    // Monday, 02:00 in Tokyo.
    expect(iso(nextTick(tokyo, at("2026-01-02T20:00Z")) ?? 0)).toBe("2026-01-04T17:00Z");
  });

  it.each([
    ["a cron of Sundays and business days", { cron: ["0 3 * * 0"], businessDays: true }],
    ["a cron of every minute of the weekend", { cron: ["* * * * 6,0"], businessDays: true }],
    ["every week from a Sunday", { everyMs: 7 * 86_400_000, businessDays: true }],
    ["every second weekend", { everyMs: 14 * 86_400_000, businessDays: true }],
  ])("that are all there is end the search soon, in both directions: %s", (_, schedule) => {
    const never = spec(schedule, "2026-01-04T12:00Z");
    expect(nextTick(never, at("2026-01-05T00:00Z"))).toBeNull();
    expect(previousTick(never, at("2026-01-05T00:00Z"))).toBeNull();
  });

  it("of sixty years of one date hide it that long, and no longer", () => {
    const skipDates = Array.from({ length: 60 }, (_, index) => `${2020 + index}-01-01`);
    const yearly = spec({ cron: ["0 3 1 1 *"], skipDates });
    expect(iso(nextTick(yearly, at("2019-06-01T00:00Z")) ?? 0)).toBe("2080-01-01T02:00Z");
    expect(iso(previousTick(yearly, at("2080-01-01T02:00Z")) ?? 0)).toBe("2019-01-01T02:00Z");
  });

  it("are searched over also where they are nearly every leap day", () => {
    const rare = spec({
      cron: ["0 3 29 2 *"],
      businessDays: true,
      skipDates: ["2028-02-29", "2036-02-29", "2040-02-29"],
    });
    expect(iso(nextTick(rare, at("2026-01-01T00:00Z")) ?? 0)).toBe("2044-02-29T02:00Z");
  });
});

describe("a schedule without ticks", () => {
  it("is the continuous one: its backfill has a run for each day, and a manual run its own moment", () => {
    const continuous = spec({ isContinuous: true });
    expect(nextTick(continuous, 0)).toBeNull();
    expect(runsForRange(continuous, "2026-01-02", "2026-01-03").map((run) => dsOf(continuous, run))).toEqual([
      "2026-01-02",
      "2026-01-03",
    ]);
    const runAfterAt = at("2026-01-05T12:00Z");
    expect(manualInterval(continuous, { logicalAt: null, runAfterAt })).toEqual({
      startAt: runAfterAt,
      endAt: runAfterAt,
    });
  });
});

describe("once", () => {
  it("is one tick at the start date", () => {
    const once = spec({ isOnce: true }, "2026-03-01T06:00Z");
    expect(nextTick(once, at("2026-01-01T00:00Z"))).toBe(once.startAt);
    expect(nextTick(once, once.startAt ?? 0)).toBeNull();
    expect(previousTick(once, at("2027-01-01T00:00Z"))).toBe(once.startAt);
    expect(runsForRange(once, "2026-01-01", "2026-12-31")).toEqual([]);
  });
});

describe("the coming runs", () => {
  const now = at("2026-01-02T12:00Z");
  const due = (each: ReturnType<typeof spec>, count = 3): string[] =>
    comingRuns(each, now, count).map((run) => iso(run.runAfterAt));

  it("are those of each kind of schedule", () => {
    expect(due(spec({ ...nightly, businessDays: true }))).toEqual([
      "2026-01-05T02:00Z",
      "2026-01-06T02:00Z",
      "2026-01-07T02:00Z",
    ]);
    expect(due(spec({ everyMs: 6 * 3_600_000 }, "2026-01-02T05:00Z"), 2)).toEqual([
      "2026-01-02T17:00Z",
      "2026-01-02T23:00Z",
    ]);
    expect(due(spec({ everyMs: 6 * 3_600_000 }, "2026-02-01T05:00Z"), 1)).toEqual(["2026-02-01T11:00Z"]);
    expect(due(spec({ ...nightly, mode: "trigger" }, "2026-01-10T02:00Z"), 1)).toEqual(["2026-01-10T02:00Z"]);
    expect(due(spec({ isOnce: true }, "2026-03-01T06:00Z"))).toEqual(["2026-03-01T06:00Z"]);
    expect(due(spec({ isContinuous: true }))).toEqual([]);
  });

  it("are due with their jitter, also one whose tick has passed", () => {
    const hourly = spec({ cron: ["0 * * * *"], jitterMs: 3_599_000 });
    const ticks = [at("2026-01-02T11:00Z"), at("2026-01-02T12:00Z"), at("2026-01-02T13:00Z")];
    const [running = 0, next = 0, third = 0] = ticks.map((tick) => plannedAt(hourly, tick).runAfterAt);
    for (const moment of [running - 1, running, next - 1, next]) {
      const expected = [running, next, third].filter((each) => each > moment);
      expect(comingRuns(hourly, moment, expected.length).map((run) => run.runAfterAt)).toEqual(expected);
    }
  });
});

it("a schedule in one line is what its file has", () => {
  const texts = [
    nightly,
    { cron: ["@daily", "0 15 * * *"] },
    { everyMs: 5_400_000 },
    { isOnce: true },
    { isContinuous: true },
  ];
  expect(texts.map((each) => scheduleText(spec(each).schedule))).toEqual([
    "0 3 * * *",
    "@daily | 0 15 * * *",
    "every 1h30m",
    "@once",
    "@continuous",
  ]);
});
