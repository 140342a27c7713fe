import { SCHEDULE_DEFAULTS } from "../../../engine/core/dag.ts";
import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import { describe, expect, it } from "vitest";
import {
  dagRunIdFor,
  dataInterval,
  dsOf,
  lastCompleteInterval,
  runForDay,
  runsForRange,
} from "../../../engine/core/schedule/runs.ts";
import { nextTick, previousTick, ticksBetween } from "../../../engine/core/schedule/ticks.ts";
import { cronProblem } from "../../../engine/core/schedule/cron.ts";
import { isZone, parseInstant } from "../../../engine/core/schedule/zone.ts";

const iso = (at: number | null | undefined): string | null =>
  at === null || at === undefined ? null : new Date(at).toISOString().replace(":00.000Z", "Z");
const at = (text: string): number => Date.parse(text);
const schedule = (cron: string | string[], timezone: string) => ({
  schedule: { ...SCHEDULE_DEFAULTS, cron: [cron].flat(), timezone },
  startAt: null,
});
const spec = (cron: string, timezone: string) => ({ ...schedule(cron, timezone), timezone });

describe("ticks in wall-clock time", () => {
  it("follow the zone's offset through the year", () => {
    const daily = schedule("0 2 * * *", "America/New_York");
    expect(iso(nextTick(daily, at("2026-01-01T00:00:00Z")))).toBe("2026-01-01T07:00Z");
    expect(iso(nextTick(daily, at("2026-07-01T00:00:00Z")))).toBe("2026-07-01T06:00Z");
  });

  it("run at the first instant after a gap", () => {
    for (const cron of ["0 2 * * *", "30 2 * * *", "10,40 2 * * *"]) {
      const ticks = ticksBetween(
        schedule(cron, "America/New_York"),
        at("2026-03-08T05:00:00Z"),
        at("2026-03-09T04:00:00Z"),
      );
      expect(ticks.map(iso)).toEqual(["2026-03-08T07:00Z"]);
    }
  });

  it("run once in a fold, in the later hour, and twice only when the hour field is *", () => {
    const from = at("2026-11-01T05:00:00Z");
    const until = at("2026-11-01T07:00:00Z");
    expect(ticksBetween(schedule("30 1 * * *", "America/New_York"), from, until).map(iso)).toEqual([
      "2026-11-01T06:30Z",
    ]);
    expect(ticksBetween(schedule("30 */1 * * *", "America/New_York"), from, until).map(iso)).toEqual([
      "2026-11-01T06:30Z",
    ]);
    expect(ticksBetween(schedule("30 * * * *", "America/New_York"), from, until).map(iso)).toEqual([
      "2026-11-01T05:30Z",
      "2026-11-01T06:30Z",
    ]);
  });

  it("are the union of several crons, each instant once", () => {
    const both = schedule(["0 2 * * *", "0 2,14 * * 1-5"], "UTC");
    expect(ticksBetween(both, at("2026-01-02T00:00:00Z"), at("2026-01-04T00:00:00Z")).map(iso)).toEqual([
      "2026-01-02T02:00Z",
      "2026-01-02T14:00Z",
      "2026-01-03T02:00Z",
    ]);
  });

  it("take day of month or day of week when both are given, presets, and month ends", () => {
    const next = (cron: string) => iso(nextTick(schedule(cron, "UTC"), at("2026-01-02T00:00:00Z")));
    expect(next("0 0 1 * 1")).toBe("2026-01-05T00:00Z");
    expect(next("@monthly")).toBe("2026-02-01T00:00Z");
    expect(next("0 0 L * *")).toBe("2026-01-31T00:00Z");
  });

  it("never come for a schedule that has none", () => {
    expect(cronProblem("0 0 30 2 *")).toBe("it never comes due");
    expect(cronProblem("61 * * * *")).toContain("minute");
    expect(cronProblem("0 2 * *")).toContain("format");
    expect(cronProblem("0 0 2 * * *")).toContain("5");
    expect(cronProblem("@daily")).toBeNull();
  });

  const zones = [
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Asia/Kolkata",
    "Africa/Casablanca",
    "America/St_Johns",
  ];
  const changes = [
    "2026-03-08",
    "2026-11-01",
    "2026-03-29",
    "2026-10-25",
    "2026-04-05",
    "2026-10-04",
    "2018-02-17",
    "2018-11-03",
    "2011-12-29",
    "2026-02-15",
    "2010-11-07",
    "2026-06-15",
  ];
  const field = (low: number, high: number) =>
    fc.oneof(
      fc.constant("*"),
      fc.integer({ min: low, max: high }).map(String),
      fc.tuple(fc.integer({ min: low, max: high }), fc.integer({ min: low, max: high })).map(([a, b]) => `${a},${b}`),
      fc.integer({ min: 2, max: 12 }).map((step) => `*/${step}`),
    );

  /** Does a wall-clock number match a cron field? Written apart from the engine's and croner's reading of crons. */
  const matches = (text: string, value: number): boolean =>
    text
      .split(",")
      .some(
        (part) =>
          part === "*" || (part.startsWith("*/") ? value % Number(part.slice(2)) === 0 : Number(part) === value),
      );

  it("are exactly those that a walk over every minute finds, in every zone and around every change", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.constantFrom(...changes),
        field(0, 59),
        field(0, 23),
        (zone, day, minute, hour) => {
          const from = at(`${day}T00:00:00Z`) - 6 * 3_600_000;
          const until = from + 60 * 3_600_000;
          const shown = (instant: number) => Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(zone);
          const expected = new Set<number>();
          // A day before and after, for ticks that a gap or a fold moves into the window.
          let previous = shown(from - 86_400_000 - 60_000).toPlainDateTime();
          const last = new Map<string, number>();
          for (let instant = from - 86_400_000; instant < until + 86_400_000; instant += 60_000) {
            const wall = shown(instant).toPlainDateTime();
            // Wall minutes that this instant jumps over: a gap.
            for (
              let left = previous.add({ minutes: 1 });
              Temporal.PlainDateTime.compare(left, wall) < 0;
              left = left.add({ minutes: 1 })
            ) {
              if (hour !== "*" && matches(minute, left.minute) && matches(hour, left.hour)) expected.add(instant);
            }
            if (matches(minute, wall.minute) && matches(hour, wall.hour)) {
              if (hour === "*") expected.add(instant);
              else last.set(wall.toString(), instant);
            }
            previous = wall;
          }
          for (const instant of last.values()) expected.add(instant);
          const inside = [...expected].filter((instant) => from <= instant && instant < until).sort((a, b) => a - b);
          expect(ticksBetween(schedule(`${minute} ${hour} * * *`, zone), from, until).map(iso)).toEqual(
            inside.map(iso),
          );
        },
      ),
      { numRuns: 25 },
    );
  }, 60_000);

  it("agree looking forward and looking back", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.constantFrom(...changes),
        field(0, 59),
        field(0, 23),
        fc.constantFrom("* *", "1 *", "* 1-5", "15 1"),
        (zone, day, minute, hour, days) => {
          const [dayOfMonth = "", dayOfWeek = ""] = days.split(" ");
          const every = schedule(`${minute} ${hour} ${dayOfMonth} * ${dayOfWeek}`, zone);
          const from = at(`${day}T00:00:00Z`) - 86_400_000;
          const first = nextTick(every, from) ?? 0;
          let tick = first;
          for (let i = 0; i < 40; i++) {
            const next = nextTick(every, tick) ?? 0;
            expect(iso(previousTick(every, next))).toBe(iso(tick));
            tick = next;
          }
          expect(ticksBetween(every, first, tick)).toHaveLength(40);
        },
      ),
      { numRuns: 60 },
    );
  }, 30_000);
});

describe("runs", () => {
  it("cover the time from the tick before to their own", () => {
    const daily = schedule("0 2 * * *", "America/New_York");
    expect(dataInterval(daily, at("2026-01-02T07:00:00Z"))).toEqual({
      startAt: at("2026-01-01T07:00:00Z"),
      endAt: at("2026-01-02T07:00:00Z"),
    });
  });

  it("of a day are those whose interval starts on that local day", () => {
    const run = runForDay(spec("0 2 * * *", "America/New_York"), "2026-01-01");
    expect(run).toEqual({
      logicalAt: at("2026-01-01T07:00:00Z"),
      intervalStartAt: at("2026-01-01T07:00:00Z"),
      intervalEndAt: at("2026-01-02T07:00:00Z"),
      runAfterAt: at("2026-01-02T07:00:00Z"),
    });
    expect(dagRunIdFor("backfill", run?.logicalAt ?? 0)).toBe("backfill__2026-01-01T07:00:00+00:00");
    expect(runForDay(spec("0 2 * * 1", "UTC"), "2026-01-01")).toBeNull();
  });

  it("count the date in the DAG's zone, also east of Greenwich", () => {
    const tokyo = spec("0 2 * * *", "Asia/Tokyo");
    const run = runForDay(tokyo, "2026-01-10");
    expect(iso(run?.logicalAt)).toBe("2026-01-09T17:00Z");
    expect(run === null ? null : dsOf(tokyo, run)).toBe("2026-01-10");
  });

  it("of a DAG without a schedule cover one local day each, also a day of 23 hours", () => {
    const [run] = runsForRange(
      { schedule: null, startAt: null, timezone: "America/New_York" },
      "2026-03-08",
      "2026-03-08",
    );
    expect([iso(run?.intervalStartAt), iso(run?.intervalEndAt)]).toEqual(["2026-03-08T05:00Z", "2026-03-09T04:00Z"]);
    expect(runsForRange({ schedule: null, startAt: null, timezone: "UTC" }, "2026-03-09", "2026-03-08")).toEqual([]);
  });

  it("without a date take the last complete interval (protocol rule 32)", () => {
    const daily = spec("0 2 * * *", "UTC");
    expect(lastCompleteInterval(daily, at("2026-01-05T02:00:00Z")).endAt).toBe(at("2026-01-05T02:00:00Z"));
    expect(dsOf(daily, { intervalStartAt: null, runAfterAt: at("2026-01-05T01:59:00Z") })).toBe("2026-01-03");
  });

  it("form a chain without gap or overlap, each on its own day", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Tokyo", "UTC"),
        fc.constantFrom("0 2 * * *", "30 2 * * *", "0 */6 * * *", "15 * * * *", "0 0 * * 1"),
        fc.integer({ min: 0, max: 700 }),
        (zone, cron, offset) => {
          const day = (plus: number) =>
            new Date(at("2025-01-01T00:00:00Z") + (offset + plus) * 86_400_000).toISOString().slice(0, 10);
          const dag = spec(cron, zone);
          const runs = runsForRange(dag, day(0), day(20));
          runs.forEach((run, index) => {
            expect(run.intervalEndAt).toBeGreaterThan(run.intervalStartAt);
            if (index > 0) expect(run.intervalStartAt).toBe(runs[index - 1]?.intervalEndAt);
          });
          const byDay = Array.from({ length: 21 }, (_, plus) => runsForRange(dag, day(plus), day(plus))).flat();
          expect(byDay).toEqual(runs);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("of ten years of days are 3,650 and more", () => {
    expect(runsForRange(spec("0 2 * * *", "America/New_York"), "2016-01-01", "2025-12-31")).toHaveLength(3653);
  });
});

describe("dates and times of a DAG file", () => {
  it("without offset are in the DAG's zone", () => {
    expect(iso(parseInstant("2026-01-01", "America/New_York"))).toBe("2026-01-01T05:00Z");
    expect(iso(parseInstant("2026-01-01T02:30", "America/New_York"))).toBe("2026-01-01T07:30Z");
    expect(iso(parseInstant("2026-01-01T02:30:00Z", "America/New_York"))).toBe("2026-01-01T02:30Z");
    expect(parseInstant("2026-02-30", "UTC")).toBeNull();
    expect(parseInstant("2026-01-01T25:00", "UTC")).toBeNull();
    expect(isZone("America/New_York")).toBe(true);
    expect(isZone("America/New_Yrok")).toBe(false);
  });
});
