import fc from "fast-check";
import { expect, test } from "vitest";
import { SCHEDULE_DEFAULTS, type DagSpec, type ScheduleSpec } from "../../engine/core/dag.ts";
import { jitterMs } from "../../engine/core/schedule/jitter.ts";
import { planDue } from "../../engine/core/schedule/plan.ts";
import { ticksBetween } from "../../engine/core/schedule/ticks.ts";
import { Nights } from "./nights.ts";
import { dagSpec, taskSpec } from "./scenario.ts";

const daily = (changes: Partial<DagSpec> = {}, catchup: boolean | { windowMs: number } = false): DagSpec => ({
  ...dagSpec([taskSpec("work")]),
  schedule: { ...SCHEDULE_DEFAULTS, cron: ["0 2 * * *"], timezone: "UTC", catchup },
  startAt: Date.parse("2026-01-01T00:00Z"),
  maxActiveRuns: 100,
  ...changes,
});
const DAYS = 86_400_000;

test("a run is made when its tick comes due, and covers the interval that has just ended", () => {
  const nights = new Nights(daily({ startAt: Date.parse("2026-01-05T00:00Z") }), "2026-01-05T12:00Z");
  expect(nights.runs()).toEqual({});
  expect(nights.nextAt).toBe(Date.parse("2026-01-06T02:00Z"));
  nights.at("2026-01-06T02:00Z");
  expect(nights.runs()).toEqual({ "2026-01-05 02:00": "running" });
  expect(nights.state).toMatchObject({
    scheduledUntil: Date.parse("2026-01-06T02:00Z"),
    nextDueAt: Date.parse("2026-01-07T02:00Z"),
  });
});

test("a DAG that is new begins with the latest complete interval", () => {
  expect(new Nights(daily(), "2026-01-10T12:00Z").runs()).toEqual({ "2026-01-09 02:00": "running" });
});

test("no start date: still only the latest complete interval, whatever catchup says", () => {
  const nights = new Nights(daily({ startAt: null }, true), "2026-01-10T12:00Z");
  expect(nights.runs()).toEqual({ "2026-01-09 02:00": "running" });
});

test("catchup makes every interval since the start date, oldest first, however many", () => {
  const nights = new Nights(daily({}, true), "2026-06-10T12:00Z");
  nights.turn().turn().turn();
  expect(Object.keys(nights.runs())).toHaveLength(160);
  expect(Object.keys(nights.runs())[0]).toBe("2026-01-01 02:00");
  expect(nights.state.nextDueAt).toBe(Date.parse("2026-06-11T02:00Z"));
});

test("a catch-up of years keeps a thousand runs waiting, and plans more as they end", () => {
  const years = daily({ maxActiveRuns: 1, startAt: Date.parse("2016-01-01T00:00Z") }, true);
  const nights = new Nights(years, "2026-01-10T12:00Z");
  for (let turn = 0; turn < 40; turn++) nights.turn();
  const planned = Object.keys(nights.runs()).length;
  expect(planned).toBeGreaterThan(1_000);
  expect(planned).toBeLessThan(1_100);
  for (let run = 0; run < 60; run++) nights.finishOldest();
  expect(Object.keys(nights.runs()).length).toBeGreaterThan(planned);
});

test("a catch-up window makes the runs that came due within it", () => {
  const nights = new Nights(daily({}, { windowMs: 2 * DAYS }), "2026-01-10T12:00Z");
  expect(Object.keys(nights.runs())).toEqual(["2026-01-08 02:00", "2026-01-09 02:00"]);
});

test("ten minutes of downtime over a due time catch up once", () => {
  const nights = new Nights(daily(), "2026-01-05T12:00Z").finishOldest();
  nights.at("2026-01-06T01:55Z").restartAt("2026-01-06T02:05Z").restartAt("2026-01-06T02:06Z");
  expect(nights.runs()).toEqual({ "2026-01-04 02:00": "success", "2026-01-05 02:00": "running" });
});

test("after days of downtime the latest interval is made, and no more without catchup", () => {
  const nights = new Nights(daily(), "2026-01-05T12:00Z").restartAt("2026-01-09T12:00Z");
  expect(Object.keys(nights.runs())).toEqual(["2026-01-04 02:00", "2026-01-08 02:00"]);
});

test("rule 26: a clock that jumps back makes no run twice", () => {
  const nights = new Nights(daily(), "2026-01-06T12:00Z").restartAt("2026-01-05T01:00Z").at("2026-01-06T12:30Z");
  expect(Object.keys(nights.runs())).toEqual(["2026-01-05 02:00"]);
});

test("rule 26: a date that somebody has taken already is not run again", () => {
  const nights = new Nights(daily(), "2026-01-05T12:00Z");
  nights.made({ runId: "early", logicalAt: Date.parse("2026-01-05T02:00Z") }).at("2026-01-06T02:00Z");
  expect(Object.keys(nights.runs())).toEqual(["2026-01-04 02:00", "2026-01-05 02:00"]);
  expect([...nights.rows.runs.values()].map(({ runType }) => runType)).toEqual(["scheduled", "manual"]);
});

test("a paused DAG plans nothing; unpaused, its catch-up rule decides what becomes of the time between", () => {
  const nights = new Nights(daily({ paused: true }, true), "2026-01-03T12:00Z");
  expect(nights.runs()).toEqual({});
  nights.at("2026-01-05T12:00Z").pause(false);
  expect(Object.keys(nights.runs())).toEqual([
    "2026-01-01 02:00",
    "2026-01-02 02:00",
    "2026-01-03 02:00",
    "2026-01-04 02:00",
  ]);
});

test("a paused DAG starts no run that waits, and wakes nobody for it", () => {
  const nights = new Nights(daily({ maxActiveRuns: 1 }), "2026-01-05T12:00Z").pause(true);
  nights.made({ runId: "asked", logicalAt: null, runAfterAt: Date.parse("2026-01-05T12:30Z") }).finishOldest();
  nights.at("2026-01-05T13:00Z");
  expect(nights.rows.runs.get("asked")?.state).toBe("queued");
  expect(nights.nextAt).toBeGreaterThan(nights.now);
  nights.pause(false);
  expect(nights.rows.runs.get("asked")?.state).toBe("running");
});

test("in a run of a paused DAG nothing new is begun", () => {
  const two = daily({ tasks: [taskSpec("first"), taskSpec("second", { dependsOn: ["first"] })] });
  const nights = new Nights(two, "2026-01-05T12:00Z").pause(true);
  nights.finishOldest();
  expect([...nights.rows.tasks.values()].map(({ state }) => state)).toEqual(["success", "scheduled"]);
  expect(nights.pause(false).finishOldest().runs()).toEqual({ "2026-01-04 02:00": "success" });
});

test("rule 28: a DAG whose file is gone plans nothing more, and goes on when it is back", () => {
  const nights = new Nights(daily(), "2026-01-05T12:00Z").removeFile().at("2026-01-06T12:00Z");
  expect(Object.keys(nights.runs())).toEqual(["2026-01-04 02:00"]);
  expect(Object.keys(nights.publish(daily()).runs())).toEqual(["2026-01-04 02:00", "2026-01-05 02:00"]);
});

test("after its end date a DAG is due no more", () => {
  const nights = new Nights(daily({ endAt: Date.parse("2026-01-05T23:59Z") }, true), "2026-01-09T12:00Z");
  expect(Object.keys(nights.runs()).at(-1)).toBe("2026-01-05 02:00");
  expect(nights.state.nextDueAt).toBeNull();
});

test("runs beyond max_active_runs wait their turn, oldest first", () => {
  const nights = new Nights(daily({ maxActiveRuns: 1 }, { windowMs: 3 * DAYS }), "2026-01-05T12:00Z");
  expect(Object.values(nights.runs())).toEqual(["running", "queued", "queued"]);
  expect(Object.values(nights.finishOldest().runs())).toEqual(["success", "running", "queued"]);
});

test("a new schedule is followed from the next turn on", () => {
  const nights = new Nights(daily(), "2026-01-05T12:00Z").finishOldest();
  nights.publish(daily({ schedule: { ...SCHEDULE_DEFAULTS, cron: ["0 14 * * *"], timezone: "UTC", catchup: false } }));
  expect(nights.state.nextDueAt).toBe(Date.parse("2026-01-05T14:00Z"));
  expect(Object.keys(nights.at("2026-01-05T14:00Z").runs())).toHaveLength(2);
});

test("a DAG without a schedule, or whose end comes before its start, is looked at once and never again", () => {
  const manual = new Nights(daily({ schedule: null }), "2026-01-10T12:00Z");
  expect(manual.nextAt).toBe(Infinity);
  expect(manual.restartAt("2026-01-11T12:00Z").nextAt).toBe(Infinity);
  const never = { startAt: Date.parse("2027-01-01T00:00Z"), endAt: Date.parse("2026-12-01T00:00Z") };
  expect(new Nights(daily(never), "2026-01-10T12:00Z").nextAt).toBe(Infinity);
});

test("two days of a schedule of every minute are planned at once, and then only what is new", () => {
  const minutely = daily({ schedule: { ...SCHEDULE_DEFAULTS, cron: ["* * * * *"], timezone: "UTC", catchup: true } });
  let plan = planDue(minutely, { scheduledUntil: null }, Date.parse("2026-01-03T00:00Z"), 3_000);
  expect(plan.runs).toHaveLength(2_880);
  plan = planDue(minutely, plan, Date.parse("2026-01-03T00:01Z"), 50);
  expect(plan.runs).toHaveLength(1);
});

const scheduled = (schedule: Partial<ScheduleSpec>, changes: Partial<DagSpec> = {}): DagSpec =>
  daily({ schedule: { ...SCHEDULE_DEFAULTS, timezone: "UTC", ...schedule }, ...changes });

test("mode trigger: the logical date is the tick, and the interval is empty", () => {
  const nights = new Nights(scheduled({ cron: ["0 2 * * *"], mode: "trigger" }), "2026-01-05T12:00Z");
  nights.at("2026-01-06T02:00Z");
  expect(nights.runs()).toEqual({ "2026-01-05 02:00": "running", "2026-01-06 02:00": "running" });
  for (const run of nights.rows.runs.values()) {
    expect([run.intervalStartAt, run.intervalEndAt]).toEqual([run.logicalAt, run.logicalAt]);
  }
});

test("mode trigger: the first run is at the start date itself, the last at the end date", () => {
  const bounds = { startAt: Date.parse("2026-01-03T02:00Z"), endAt: Date.parse("2026-01-05T02:00Z") };
  const spec = scheduled({ cron: ["0 2 * * *"], mode: "trigger", catchup: true }, bounds);
  const nights = new Nights(spec, "2026-01-09T12:00Z");
  expect(Object.keys(nights.runs())).toEqual(["2026-01-03 02:00", "2026-01-04 02:00", "2026-01-05 02:00"]);
  expect(nights.state.nextDueAt).toBeNull();
});

test("mode trigger: after downtime the latest tick is made up for, and no more without catchup", () => {
  const spec = scheduled({ cron: ["0 2 * * *"], mode: "trigger" });
  const nights = new Nights(spec, "2026-01-05T12:00Z").restartAt("2026-01-09T12:00Z");
  expect(Object.keys(nights.runs())).toEqual(["2026-01-05 02:00", "2026-01-09 02:00"]);
});

test("every counts elapsed time from the start date, over a change of the clocks too", () => {
  const spec = scheduled(
    { everyMs: DAYS, timezone: "America/New_York", catchup: true },
    { startAt: Date.parse("2026-03-06T05:00Z"), timezone: "America/New_York" },
  );
  const nights = new Nights(spec, "2026-03-10T12:00Z");
  expect(Object.keys(nights.runs())).toEqual([
    "2026-03-06 05:00",
    "2026-03-07 05:00",
    "2026-03-08 05:00",
    "2026-03-09 05:00",
  ]);
});

test("business days less skip_dates: a day left out has no run, and the next run covers it", () => {
  const spec = scheduled({ cron: ["0 2 * * *"], businessDays: true, skipDates: ["2026-01-06"], catchup: true });
  const nights = new Nights(spec, "2026-01-08T12:00Z");
  expect(Object.keys(nights.runs())).toEqual([
    "2026-01-01 02:00",
    "2026-01-02 02:00",
    "2026-01-05 02:00",
    "2026-01-07 02:00",
  ]);
  const [, weekend] = [...nights.rows.runs.values()];
  expect(weekend?.runAfterAt).toBe(Date.parse("2026-01-05T02:00Z"));
  expect(weekend?.intervalEndAt).toBe(Date.parse("2026-01-05T02:00Z"));
});

test("a schedule whose ticks all fall on days left out is looked at once and never again", () => {
  const spec = scheduled({ cron: ["0 2 * * 0"], businessDays: true, catchup: true });
  expect(new Nights(spec, "2026-01-10T12:00Z").nextAt).toBe(Infinity);
});

test("jitter: a run is due some time after its tick, always as long, and its date is as without", () => {
  const sla = [{ name: "early", finishBy: { hour: 6, minute: 0, days: 0 } }];
  const spec = scheduled(
    { cron: ["0 2 * * *"], jitterMs: 3_600_000 },
    { sla, startAt: Date.parse("2026-01-05T00:00Z") },
  );
  const nights = new Nights(spec, "2026-01-05T12:00Z").at("2026-01-06T02:00Z");
  const [run] = [...nights.rows.runs.values()];
  expect(nights.runs()).toEqual({ "2026-01-05 02:00": "queued" });
  expect(nights.nextAt).toBe(run?.runAfterAt);
  expect(nights.nextAt).toBeGreaterThan(Date.parse("2026-01-06T02:00Z"));
  expect(nights.nextAt).toBeLessThan(Date.parse("2026-01-06T03:00Z"));
  // The deadline counts from the tick.
  expect(nights.deadlines()).toEqual({
    "2026-01-06 02:00": "pending by 2026-01-06 06:00",
    "2026-01-07 02:00": "pending by 2026-01-07 06:00",
  });
  nights.restartAt(new Date(nights.nextAt).toISOString());
  expect(nights.runs()).toEqual({ "2026-01-05 02:00": "running" });
  nights.finishOldest().at("2026-01-06T05:00Z");
  expect(nights.deadlines()["2026-01-06 02:00"]).toBe("met by 2026-01-06 06:00");
});

test("jitter differs from DAG to DAG and from tick to tick, and never reaches the next tick", () => {
  const hourly = scheduled({ cron: ["0 1,3 * * *"], timezone: "America/New_York", jitterMs: 110 * 60_000 });
  const later = (dagId: string, day: number): number => {
    const tick = Date.parse("2026-03-01T06:00Z") + day * DAYS;
    return jitterMs({ ...hourly, dagId }, tick);
  };
  const all = Array.from({ length: 60 }, (_, index) => later(`dag_${index % 10}`, Math.floor(index / 10)));
  expect(new Set(all).size).toBe(60);
  expect(Math.max(...all)).toBeGreaterThan(80 * 60_000);
  expect(Math.min(...all)).toBeLessThan(30 * 60_000);
  // On the night that has no 02:00 an hour lies between the two.
  for (let index = 0; index < 50; index++) expect(later(`dag_${index}`, 7)).toBeLessThan(60 * 60_000);
});

test("@once: one run at the start date, whenever the DAG is published, and no other after restarts and new versions", () => {
  const once = scheduled({ isOnce: true }, { startAt: Date.parse("2026-01-03T02:00Z") });
  const early = new Nights(once, "2026-01-02T12:00Z");
  expect(early.runs()).toEqual({});
  expect(early.nextAt).toBe(Date.parse("2026-01-03T02:00Z"));
  const late = new Nights(once, "2026-01-09T12:00Z").restartAt("2026-01-10T12:00Z").publish({ ...once, tags: ["new"] });
  expect(late.finishOldest().runs()).toEqual({ "2026-01-03 02:00": "success" });
  expect(late.at("2027-01-01T00:00Z").rows.runs.size).toBe(1);
  expect(late.nextAt).toBe(Infinity);
});

const continuous = (changes: Partial<DagSpec> = {}, mode: ScheduleSpec["mode"] = "interval"): DagSpec =>
  scheduled({ isContinuous: true, mode }, { maxActiveRuns: 1, startAt: null, ...changes });
const intervals = (nights: Nights): string[] =>
  [...nights.rows.runs.values()].map(({ intervalStartAt, intervalEndAt }) =>
    [intervalStartAt, intervalEndAt].map((at) => new Date(at ?? 0).toISOString().slice(11, 19)).join(" "),
  );

test("@continuous: the next run is due when the last one has ended, and covers the time since that one was due", () => {
  const nights = new Nights(continuous(), "2026-01-05T12:00:00Z").at("2026-01-05T12:00:01Z");
  nights.at("2026-01-05T12:30:00Z");
  expect(nights.rows.runs.size).toBe(1);
  // While it runs nothing wakes the engine for the schedule.
  expect(nights.nextAt).toBe(Infinity);
  nights.finishOldest();
  expect(nights.turn().rows.runs.size).toBe(2);
  expect(intervals(nights)).toEqual(["12:00:00 12:00:01", "12:00:01 12:30:00"]);
});

test("@continuous: runs that fail at once begin a second apart, each with a date of its own", () => {
  const nights = new Nights(continuous(), "2026-01-05T12:00:00Z");
  for (let failures = 0; failures < 5; failures++) {
    nights.at(new Date(nights.nextAt).toISOString());
    nights.finishOldest("failed");
    expect(nights.turn().nextAt).toBe(nights.now + 1_000);
  }
  const dates = [...nights.rows.runs.values()].map(({ logicalAt }) => logicalAt);
  expect(dates).toEqual([0, 1, 2, 3, 4].map((second) => Date.parse("2026-01-05T12:00:00Z") + second * 1_000));
});

test("@continuous: a restart while a run is open makes no second one, and one after it goes on", () => {
  const nights = new Nights(continuous(), "2026-01-05T12:00:00Z").at("2026-01-05T12:00:01Z");
  nights.restartAt("2026-01-05T12:10:00Z").restartAt("2026-01-05T12:20:00Z");
  expect(nights.rows.runs.size).toBe(1);
  // The process ends between the run's last flush and the next plan.
  nights.finishOldest().restartAt("2026-01-05T13:00:00Z");
  expect(nights.rows.runs.size).toBe(2);
});

test("@continuous: what a pause or a clock that jumps back left out is in the next run's interval, once", () => {
  const nights = new Nights(continuous(), "2026-01-05T12:00:00Z").at("2026-01-05T12:00:01Z").pause(true).finishOldest();
  expect(nights.at("2026-01-05T14:00:00Z").rows.runs.size).toBe(1);
  nights.pause(false).finishOldest();
  expect(intervals(nights)).toEqual(["12:00:00 12:00:01", "12:00:01 14:00:00"]);
  nights.restartAt("2026-01-05T13:00:00Z");
  expect(nights.rows.runs.size).toBe(2);
  expect(nights.at("2026-01-05T14:00:01Z").rows.runs.size).toBe(3);
});

test("@continuous: start_date and end_date bound it, and mode trigger has the due time as its date", () => {
  const bounds = { startAt: Date.parse("2026-01-05T12:00Z"), endAt: Date.parse("2026-01-05T12:10Z") };
  const nights = new Nights(continuous(bounds, "trigger"), "2026-01-04T12:00Z");
  expect(nights.nextAt).toBe(Date.parse("2026-01-05T12:00:01Z"));
  nights.at("2026-01-05T12:05:00Z").finishOldest();
  expect(intervals(nights.turn())).toEqual(["12:05:00 12:05:00"]);
  nights.at("2026-01-05T12:05:01Z").at("2026-01-05T12:20Z").finishOldest().turn();
  expect(nights.rows.runs.size).toBe(2);
  expect(nights.nextAt).toBe(Infinity);
});

test("@continuous: a manual run that is still ahead holds up nothing, one under way is waited for", () => {
  const nights = new Nights(continuous(), "2026-01-05T12:00:00Z");
  nights.made({ runId: "later", logicalAt: null, runAfterAt: Date.parse("2026-01-05T18:00Z") });
  nights.at("2026-01-05T12:00:01Z");
  expect(nights.rows.runs.size).toBe(2);
  nights.finishOldest().made({ runId: "now", logicalAt: null });
  nights.finishOldest().at("2026-01-05T12:30:00Z").finishOldest().turn();
  expect([...nights.rows.runs.values()].filter(({ runType }) => runType === "scheduled").length).toBeGreaterThan(1);
});

/** What may happen to a schedule between two ticks of its own. */
const happenings = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant("wait" as const), minutes: fc.integer({ min: 0, max: 3_000 }) }),
    },
    fc.record({ kind: fc.constant("back" as const), minutes: fc.integer({ min: 1, max: 3_000 }) }),
    fc.record({ kind: fc.constantFrom("restart" as const, "pause" as const, "unpause" as const, "publish" as const) }),
  ),
  { maxLength: 25 },
);
const KINDS: Record<string, Partial<ScheduleSpec>> = {
  nightly: { cron: ["0 2 * * *"] },
  "several crons": { cron: ["30 1 * * *", "0 */5 * * 1-5"] },
  "every 7h": { everyMs: 7 * 3_600_000 },
  "business days": { cron: ["0 2 * * *"], businessDays: true, skipDates: ["2026-03-10"] },
  trigger: { cron: ["15 */4 * * *"], mode: "trigger" },
  jitter: { cron: ["0 */3 * * *"], jitterMs: 3_600_000 },
};

test.each(Object.entries(KINDS))(
  "rule 26: with catchup every run that is due is made exactly once, whatever restarts, pauses and clocks do: %s",
  (_, kind) => {
    const startAt = Date.parse("2026-03-04T00:00Z");
    const spec = scheduled({ ...kind, timezone: "America/New_York", catchup: true }, { startAt, maxActiveRuns: 1_000 });
    fc.assert(
      fc.property(happenings, (list) => {
        const nights = new Nights(spec, "2026-03-04T12:00Z");
        let tags = 0;
        // What was due once stays so, though the clock goes back after it.
        let latest = Date.parse("2026-03-12T12:00Z");
        for (const each of list) {
          latest = Math.max(latest, nights.now);
          const now = new Date(
            nights.now + ("minutes" in each ? (each.kind === "back" ? -1 : 1) * each.minutes * 60_000 : 0),
          );
          if (each.kind === "wait") nights.at(now.toISOString());
          else if (each.kind === "publish") nights.publish({ ...spec, tags: [`${++tags}`] });
          else if (each.kind === "pause" || each.kind === "unpause") nights.pause(each.kind === "pause");
          else nights.restartAt(now.toISOString());
        }
        const end = Math.max(nights.now, latest);
        nights.at(new Date(end).toISOString()).pause(false);
        while (nights.state.nextDueAt !== null && nights.state.nextDueAt <= end) nights.turn();
        const ticks = ticksBetween(spec, startAt, end + 1);
        const begins = kind.mode === "trigger" ? ticks : ticks.slice(0, -1);
        // Rows refuse a date twice; their order is the order in which runs were made.
        expect([...nights.rows.runs.values()].map(({ logicalAt }) => logicalAt)).toEqual(begins);
      }),
      { numRuns: 15 },
    );
  },
);
