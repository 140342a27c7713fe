import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SCHEDULE_DEFAULTS } from "../../../engine/core/dag.ts";
import { nextTick, previousTick, ticksBetween, type Ticking } from "../../../engine/core/schedule/ticks.ts";
import { DAY, HOUR, changesOf, cronOf, ticksByMinutes, wallOf, type WallSchedule } from "./wall-clock.ts";

/** NOCTURNE_LONG=1 (npm run test:schedules) goes through every change of every zone; else a sample of them. */
const isLong = process.env["NOCTURNE_LONG"] === "1";
const zones = Intl.supportedValuesOf("timeZone");
/** Changes at midnight, of half an hour, of a whole day, in Ramadan, of two hours, at a minute past. */
const peculiar = [
  "America/Sao_Paulo",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "Africa/Casablanca",
  "Antarctica/Troll",
  "America/St_Johns",
  "Asia/Gaza",
  "America/Caracas",
];
const YEARS = { from: 2000, until: 2100 };

const iso = (at: number): string => new Date(at).toISOString();
const ticking = (schedule: WallSchedule, timezone: string): Ticking => ({
  schedule: {
    ...SCHEDULE_DEFAULTS,
    cron: [cronOf(schedule)],
    timezone,
    businessDays: schedule.businessDays,
    skipDates: schedule.skipDates,
  },
  startAt: null,
});

/** A day before and after the change against the walk over the minutes; and near it step by step, there and back. */
function check(zone: string, change: number, schedule: WallSchedule): void {
  const [from, until] = [change - DAY, change + DAY];
  const spec = ticking(schedule, zone);
  const told = `${zone} ${iso(change)} ${cronOf(schedule)}`;
  const ticks = ticksByMinutes(schedule, zone, from, until);
  expect(ticksBetween(spec, from, until).map(iso), told).toEqual(ticks.map(iso));
  const near = ticks.filter((tick) => Math.abs(tick - change) <= 3 * HOUR);
  const first = ticks.indexOf(near[0] ?? -1);
  const chain = [ticks[first - 1], ...near, ticks[first + near.length]].filter((tick) => tick !== undefined);
  chain.slice(1).forEach((tick, index) => {
    const before = chain[index] ?? 0;
    expect(iso(nextTick(spec, before) ?? 0), told).toBe(iso(tick));
    expect(iso(previousTick(spec, tick) ?? 0), told).toBe(iso(before));
  });
  // What lies beyond the window does so from both sides.
  const [begin = until, end = from - 1] = [ticks[0], ticks.at(-1)];
  expect(previousTick(spec, begin) ?? -Infinity, told).toBeLessThan(from);
  expect(nextTick(spec, end) ?? Infinity, told).toBeGreaterThanOrEqual(until);
}

const someOf = (values: readonly number[], maxLength: number) =>
  fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength }).map((list) => list.sort((a, b) => a - b));
const numbers = (until: number) => Array.from({ length: until }, (_, value) => value);
const schedules: fc.Arbitrary<WallSchedule> = fc.record({
  minutes: someOf([0, 1, 15, 29, 30, 45, 59], 2),
  // Where clocks change: around midnight and in the first hours.
  hours: fc.oneof(fc.constant("*" as const), someOf([0, 1, 2, 3, 4, 23], 3), someOf(numbers(24), 2)),
  weekdays: fc.oneof(fc.constant(null), someOf(numbers(7), 4)),
  businessDays: fc.boolean(),
  skipDates: fc.constant<string[]>([]),
});

/** Every half hour of the day, by its name: what `*` in the hour field is not. */
const HALF_HOURLY: WallSchedule = {
  minutes: [0, 30],
  hours: numbers(24),
  weekdays: null,
  businessDays: false,
  skipDates: [],
};

describe(`ticks around every change of the clocks, ${YEARS.from} to ${YEARS.until}`, () => {
  const changeIn = (zone: string, year: number): number[] =>
    changesOf(zone, Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1));

  it.runIf(!isLong)(
    "are those of a walk over the minutes: none is lost, none comes twice, and both directions agree",
    () => {
      const zone = fc.oneof(fc.constantFrom(...zones), fc.constantFrom(...peculiar));
      const year = fc.integer({ min: YEARS.from, max: YEARS.until - 1 });
      fc.assert(
        fc.property(
          zone,
          year,
          schedules,
          fc.integer({ min: 0, max: 4 }),
          fc.boolean(),
          (name, when, schedule, nth, skips) => {
            const changes = changeIn(name, when);
            const change = changes[nth % Math.max(1, changes.length)] ?? Date.UTC(when, 5, 30);
            const day = iso(wallOf(name, change)).slice(0, 10);
            check(name, change, { ...schedule, skipDates: skips ? [day] : [] });
          },
        ),
        { numRuns: 100 },
      );
    },
    30_000,
  );

  it("of a date that a zone left out come at the end of the gap, or not at all on a day left out", () => {
    const samoa = changesOf("Pacific/Apia", Date.UTC(2011, 11, 1), Date.UTC(2012, 0, 1));
    expect(samoa.map(iso)).toEqual(["2011-12-30T10:00:00.000Z"]);
    const nightly = { minutes: [30], hours: [2], weekdays: null, businessDays: false, skipDates: [] };
    for (const skipDates of [[], ["2011-12-30"], ["2011-12-31"], ["2011-12-29", "2011-12-31"]]) {
      check("Pacific/Apia", samoa[0] ?? 0, { ...nightly, skipDates });
    }
  });

  const walked = new Set<string>();
  // One test for each zone: in a report of the long form each has its line.
  it.each(isLong ? zones : [])(
    "in full: %s",
    (zone) => {
      const changes = changesOf(zone, Date.UTC(YEARS.from, 0, 1), Date.UTC(YEARS.until, 0, 1));
      const sample = fc.sample(schedules, { numRuns: 2, seed: zones.indexOf(zone) });
      // Zones of one clock (half of Europe) are gone through with every schedule once, and with one schedule each.
      const clock = changes.map((change) => `${change} ${wallOf(zone, change)}`).join();
      const isKnown = walked.has(clock);
      walked.add(clock);
      for (const change of changes) {
        if (isKnown) {
          check(zone, change, HALF_HOURLY);
          continue;
        }
        const day = iso(wallOf(zone, change)).slice(0, 10);
        check(zone, change, HALF_HOURLY);
        check(zone, change, { ...HALF_HOURLY, hours: "*" });
        check(zone, change, { ...HALF_HOURLY, skipDates: [day] });
        for (const schedule of sample) check(zone, change, schedule);
      }
    },
    600_000,
  );
});

describe("ticks of every", () => {
  it("are equally far from the start date, in elapsed time, in both directions, but for days left out", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2099, 0, 1) }),
        fc.constantFrom(20, 90, 360, 1440, 2000, 10_080).map((minutes) => minutes * 60_000),
        fc.boolean(),
        fc.integer({ min: -40, max: 40 }),
        (timezone, startAt, everyMs, businessDays, far) => {
          const spec = { schedule: { ...SCHEDULE_DEFAULTS, everyMs, timezone, businessDays }, startAt };
          const from = startAt + far * DAY + 7 * HOUR;
          const expected: number[] = [];
          for (let k = Math.ceil((from - startAt) / everyMs); startAt + k * everyMs < from + 9 * DAY; k++) {
            const weekday = new Date(wallOf(timezone, startAt + k * everyMs)).getUTCDay();
            if (!businessDays || (weekday > 0 && weekday < 6)) expected.push(startAt + k * everyMs);
          }
          expect(ticksBetween(spec, from, from + 9 * DAY)).toEqual(expected);
          expected.slice(1).forEach((tick, index) => {
            expect(nextTick(spec, expected[index] ?? 0)).toBe(tick);
            expect(previousTick(spec, tick)).toBe(expected[index]);
          });
        },
      ),
      { numRuns: 40 },
    );
  }, 30_000);
});
