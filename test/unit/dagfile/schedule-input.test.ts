import { describe, expect, it } from "vitest";
import { dag, only, problems } from "./reading.ts";

const noop = "a: { operator: noop }";
const scheduled = (schedule: string, rest = ""): string => dag(noop, `schedule: ${schedule}\n${rest}`);
const start = "start_date: 2026-01-01\n";
const spec = (schedule: string, rest = "") => only(scheduled(schedule, rest)).spec;
/** What the problems say, without their places. */
const told = (schedule: string, rest = ""): string[] =>
  problems(scheduled(schedule, rest)).map((each) => each.replace(/^\S+ DAG_\w+ /, ""));

describe("the key schedule", () => {
  it("may be an expression or a preset alone", () => {
    expect(spec('"0 2 * * *"').schedule).toMatchObject({ cron: ["0 2 * * *"], timezone: "UTC", mode: "interval" });
    for (const preset of [
      "@hourly",
      "@daily",
      "@weekly",
      "@monthly",
      "@quarterly",
      "@yearly",
      "@annually",
      "@midnight",
    ]) {
      expect(spec(`"${preset}"`).schedule).toMatchObject({ cron: [preset] });
    }
  });

  it("none is no schedule, and may still name the zone", () => {
    expect(spec("none").schedule).toBeNull();
    expect(spec("{ cron: none, timezone: Asia/Tokyo }")).toMatchObject({ schedule: null, timezone: "Asia/Tokyo" });
    expect(spec("{ timezone: Asia/Tokyo }")).toMatchObject({ schedule: null, timezone: "Asia/Tokyo" });
  });

  it("says everything a schedule can be", () => {
    const all = `{ cron: ["0 2 * * *", "0 14 * * 1-5"], timezone: Europe/Berlin, mode: trigger, catchup: 2d, jitter: 10m, skip_dates: [2026-12-25], calendar: business_days }`;
    expect(spec(all).schedule).toEqual({
      cron: ["0 2 * * *", "0 14 * * 1-5"],
      everyMs: null,
      isContinuous: false,
      isOnce: false,
      mode: "trigger",
      timezone: "Europe/Berlin",
      catchup: { windowMs: 172_800_000 },
      jitterMs: 600_000,
      skipDates: ["2026-12-25"],
      businessDays: true,
    });
    expect(spec("{ every: 6h }", start).schedule).toMatchObject({ cron: [], everyMs: 21_600_000 });
    expect(spec('"@once"', start).schedule).toMatchObject({ cron: [], isOnce: true });
    expect(spec('"@continuous"')).toMatchObject({ schedule: { cron: [], isContinuous: true }, maxActiveRuns: 1 });
  });

  it.each([
    ['"@dayly"', /^schedule: expected a preset such as @hourly, .*@continuous, @once, got "@dayly"$/],
    ['"0 25 * * *"', /^schedule: "0 25 \* \* \*" is no cron schedule: /],
    ["{ every: 0s }", /^every: expected a duration of at least 1s, such as 6h or 90m, got "0s"$/],
    ["{ every: soon }", /^every: expected a duration of at least 1s/],
    ["{ every: 6h }", /^every: it counts from start_date, and there is none; add one$/],
    ['"@once"', /^@once: the run is due at start_date, and there is none; add one$/],
    ['{ cron: "@daily", every: 6h }', /^every: a schedule has either cron or every$/],
    ['{ cron: ["@daily", "@once"] }', /^cron: @once stands alone, without other expressions$/, start],
    ['{ cron: ["@daily", none] }', /^cron: none stands alone/],
    ['{ cron: ["@daily", "@daily"] }', /^cron: @daily is in the list twice$/],
    ["{ cron: [] }", /^cron: expected at least one expression$/],
    ["{ catchup: true }", /^catchup: it does nothing without cron or every$/],
    ["{ cron: none, jitter: 5m }", /^jitter: it does nothing without a schedule$/],
    ['{ cron: "@continuous", skip_dates: [2026-12-25] }', /^skip_dates: it does nothing with @continuous$/],
    ['{ cron: "@once", mode: trigger }', /^mode: it does nothing with @once$/, start],
    ['{ cron: "@daily", skip_dates: [2026-02-30] }', /^0: expected a day such as 2026-12-25, got "2026-02-30"$/],
    ['{ cron: "@daily", skip_dates: [2026-12-25, 2026-12-25] }', /^skip_dates: 2026-12-25 is in the list twice$/],
    ['{ cron: "@daily", calendar: weekdays }', /^calendar: expected business_days, got "weekdays"$/],
    ['{ cron: "@daily", jitter: 0s }', /^jitter: expected a duration above zero/],
    ['{ cron: "@hourly", jitter: 1h }', /^jitter: expected less than 1h, the shortest time between two due times$/],
    ['{ cron: ["0 2 * * *", "10 2 1 1 *"], jitter: 15m }', /^jitter: expected less than 10m, /],
    ["{ every: 30m, jitter: 30m }", /^jitter: expected less than 30m, /, start],
    ['"@continuous"', /^max_active_runs: with @continuous .*; expected 1, or leave it out$/, "max_active_runs: 2\n"],
    ['"@continuous"', /^sla: with @continuous no run has a due time/, 'sla: [{ name: n, finish_by: "06:00" }]\n'],
    [
      '"@monthly"',
      /^end_date: the schedule has no run until then: the DAG never runs$/,
      `${start}end_date: 2025-12-31\n`.replace("2026-01-01", "2025-12-02"),
    ],
  ])("%s has one problem: %s", (schedule, message, rest = "") => {
    const found = told(schedule, rest);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(message);
  });

  it.each([
    [
      '{ cron: "0 2 * * 0", calendar: business_days }',
      "",
      /^calendar: every due time is on a day left out: the DAG never runs$/,
    ],
    [
      '{ cron: "*/5 * * * 6,0", calendar: business_days, skip_dates: [2026-12-25] }',
      "",
      /^calendar and skip_dates: every/,
    ],
    ["{ every: 7d, calendar: business_days }", "start_date: 2026-01-04\n", /^calendar: every due time/],
    [
      '{ cron: "0 2 * * *", skip_dates: [2026-01-01, 2026-01-02, 2026-01-03] }',
      `${start}end_date: 2026-01-03\n`,
      /^skip_dates: every/,
    ],
    ['{ cron: "0 0 29 2 0", calendar: business_days }', "", null],
  ])("a schedule of nothing but days left out is told at once: %s", (schedule, rest, message) => {
    const found = told(schedule, rest);
    expect(found).toHaveLength(message === null ? 0 : 1);
    if (message !== null) expect(found[0]).toMatch(message);
  });

  it("tells all that is wrong in it at once, each at its place", () => {
    expect(problems(scheduled('{ cron: "61 * * * *", timezone: Mars, mode: now }'))).toEqual([
      '2:19+12 DAG_INVALID cron: "61 * * * *" is no cron schedule: Invalid value for minute: 61',
      '2:43+4 DAG_INVALID timezone: expected a time zone such as America/New_York, got "Mars"',
      '2:55+3 DAG_INVALID mode: expected interval or trigger, got "now"',
    ]);
    expect(told('{ cron: "@continuous", catchup: true, jitter: 5m }')).toEqual([
      "catchup: it does nothing with @continuous",
      "jitter: it does nothing with @continuous",
    ]);
  });

  it("of any kind needs a default for each parameter", () => {
    expect(told('"@continuous"', "params: { p: { type: string } }\n")).toEqual([
      "p: a scheduled DAG needs a default here",
    ]);
    expect(told("none", "params: { p: { type: string } }\n")).toEqual([]);
  });
});
