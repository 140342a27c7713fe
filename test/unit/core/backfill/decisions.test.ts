import { describe, expect, it } from "vitest";
import { backfillDates, logicalBounds } from "../../../../engine/core/backfill/dates.ts";
import { decideBackfillDate } from "../../../../engine/core/backfill/decide-date.ts";
import { estimate, overBudget } from "../../../../engine/core/backfill/estimate.ts";
import { wishRefusal } from "../../../../engine/core/backfill/refusal.ts";
import { selectedTasks } from "../../../../engine/core/backfill/selected-tasks.ts";
import { SCHEDULE_DEFAULTS, type DagSpec } from "../../../../engine/core/dag.ts";
import type { BackfillWish, ReprocessBehavior, TakenDate } from "../../../../engine/core/records.ts";
import { manualInterval } from "../../../../engine/core/schedule/manual-run.ts";
import { dagSpec, taskSpec, tasksOf } from "../../../scenario/scenario.ts";

const daily = (changes: Partial<DagSpec> = {}, schedule: object = {}): DagSpec => ({
  ...dagSpec(tasksOf("extract -> clean -> load", {})),
  schedule: { ...SCHEDULE_DEFAULTS, cron: ["0 2 * * *"], timezone: "UTC", ...schedule },
  ...changes,
});
const NOON = Date.parse("2026-01-10T12:00Z");
const wish = (changes: Partial<BackfillWish> = {}): BackfillWish => ({
  backfillId: "b",
  dagId: "nightly",
  fromDate: "2026-01-01",
  toDate: "2026-01-05",
  maxActiveRuns: 4,
  reprocess: "none",
  conf: {},
  ...changes,
});

describe("a date of a backfill", () => {
  const decide = (state: TakenDate["state"], reprocess: ReprocessBehavior) => {
    const decision = decideBackfillDate({ dagId: "d", logicalAt: 0, runId: "r", state, endedAt: null }, reprocess);
    return decision.kind === "leave" ? decision.reason : decision.kind;
  };

  it("without a run gets one", () => {
    expect(decideBackfillDate(undefined, "none")).toEqual({ kind: "create" });
  });

  it("whose run is queued or running is left alone, in flight", () => {
    for (const reprocess of ["none", "failed", "completed"] as const) {
      expect([decide("queued", reprocess), decide("running", reprocess)]).toEqual(["in_flight", "in_flight"]);
    }
  });

  it("whose run has ended is run again as reprocess says", () => {
    const table = (["none", "failed", "completed"] as const).map((reprocess) => [
      decide("success", reprocess),
      decide("failed", reprocess),
    ]);
    expect(table).toEqual([
      ["already_exists", "already_exists"],
      ["already_exists", "reprocess"],
      ["reprocess", "reprocess"],
    ]);
  });

  it("whose run has left for the archive stays taken", () => {
    expect(decide(null, "completed")).toBe("archived");
  });
});

describe("the dates of a backfill", () => {
  const dates = (spec: DagSpec, changes: Partial<BackfillWish>, now = NOON) => {
    const found = backfillDates(spec, wish(changes), now);
    return "code" in found
      ? found.message
      : {
          runs: found.runs.map(({ logicalAt }) => new Date(logicalAt).toISOString().slice(0, 13)),
          notYet: found.notYet,
        };
  };

  it("are those whose interval is over, both days included; the others are named", () => {
    expect(dates(daily(), { fromDate: "2026-01-08", toDate: "2026-01-12" })).toEqual({
      runs: ["2026-01-08T02", "2026-01-09T02"],
      notYet: ["2026-01-10", "2026-01-11", "2026-01-12"],
    });
  });

  it("go beyond the DAG's start and end: those bind the scheduler alone, and no manual run either", () => {
    const startAt = Date.parse("2026-01-03T02:00Z");
    const bounded = daily({ startAt, endAt: Date.parse("2026-01-04T02:00Z") });
    const asked = dates(bounded, { fromDate: "2026-01-01", toDate: "2026-01-06" });
    expect(asked).toMatchObject({ runs: [1, 2, 3, 4, 5, 6].map((day) => `2026-01-0${day}T02`) });
    const before = Date.parse("2026-01-01T02:00Z");
    const interval = manualInterval(bounded, { logicalAt: before, runAfterAt: NOON });
    expect(interval).toEqual({ startAt: before, endAt: before + 86_400_000 });
  });

  it("of a DAG without a schedule are its days", () => {
    expect(dates(daily({ schedule: null }), { fromDate: "2026-01-08", toDate: "2026-01-09" })).toEqual({
      runs: ["2026-01-08T00", "2026-01-09T00"],
      notYet: [],
    });
  });

  it("keep to bounds on the logical date, both included", () => {
    const logical = { fromAt: Date.parse("2026-01-02T02:00Z"), toAt: Date.parse("2026-01-03T02:00Z") };
    expect(dates(daily(), { logical })).toMatchObject({ runs: ["2026-01-02T02", "2026-01-03T02"] });
    const narrower = { fromAt: logical.fromAt + 1, toAt: logical.toAt - 1 };
    expect(dates(daily(), { logical: narrower })).toMatch(/no run between/);
  });

  it("are the same over ten years as over each of their years", () => {
    const decade = backfillDates(daily(), wish({ fromDate: "2016-01-01", toDate: "2025-12-31" }), NOON);
    expect("code" in decade ? decade.message : decade.runs.length).toBe(3_653);
    if ("code" in decade) return;
    expect(new Set(decade.runs.map(({ logicalAt }) => logicalAt)).size).toBe(3_653);
  });

  it("are refused where there are none, or more than ten thousand, or the range is none", () => {
    expect(dates(daily(), { fromDate: "2026-01-06" })).toMatch(/begins after it ends/);
    expect(dates(daily(), { fromDate: "2026-01-11", toDate: "2026-01-20" })).toMatch(/still to come/);
    expect(dates(daily(), { fromDate: "2026-01-10", toDate: "2026-01-10" })).toMatch(/is over yet/);
    expect(dates(daily({}, { cron: ["0 2 1 2 *"] }), {})).toMatch(/no run between/);
    expect(dates(daily(), { fromDate: "2026-02-30", toDate: "2026-03-02" })).toMatch(/2026-02-30 is no day/);
    expect(dates(daily(), { toDate: "9999-12-31" })).toMatch(/expected a day from/);
    expect(dates(daily({}, { cron: ["* * * * *"] }), { fromDate: "1970-01-01" })).toMatch(/more than 10000 runs/);
  });

  it("have bounds on the logical date in the DAG's zone", () => {
    const berlin = daily({ timezone: "Europe/Berlin" });
    expect(logicalBounds(berlin, wish({ fromDate: "2026-03-29", toDate: "2026-03-29" }))).toEqual({
      fromAt: Date.parse("2026-03-28T23:00Z"),
      toAt: Date.parse("2026-03-29T22:00Z") - 1,
    });
  });
});

describe("a wish that the DAG does not allow", () => {
  const refusal = (spec: DagSpec, changes: Partial<BackfillWish> = {}) => wishRefusal(spec, wish(changes))?.message;

  it("is one of a DAG that has no dates", () => {
    expect(refusal(daily())).toBeUndefined();
    expect(refusal(daily({ schedule: null }))).toBeUndefined();
    expect(refusal(daily({}, { cron: [], isContinuous: true }))).toMatch(/@continuous/);
    expect(refusal(daily({ schedule: null, onAssets: "sales" }))).toMatch(/assets/);
  });

  it("goes backwards, or leaves existing runs alone, where a task depends on the past", () => {
    for (const rule of ["dependsOnPast", "waitForDownstream"] as const) {
      const spec = daily({ tasks: [taskSpec("extract", { [rule]: true })] });
      expect(refusal(spec, { reprocess: "failed", runsBackwards: true })).toMatch(/extract has .*never backwards/);
      expect(refusal(spec)).toMatch(/reprocess must be failed or completed/);
      expect(refusal(spec, { reprocess: "failed" })).toBeUndefined();
      expect(refusal(spec, { reprocess: "completed" })).toBeUndefined();
    }
    expect(refusal(daily(), { runsBackwards: true })).toBeUndefined();
  });

  it("names a task that is not there, or downstream of none, or a width that is none", () => {
    expect(refusal(daily(), { taskIds: ["clen"] })).toMatch(/no task clen; did you mean clean\?/);
    expect(refusal(daily(), { withDownstream: true })).toMatch(/downstream of which task/);
    for (const maxActiveRuns of [0, -1, 1.5, 1_001, NaN]) expect(refusal(daily(), { maxActiveRuns })).toMatch(/from 1/);
  });
});

describe("the tasks of a backfill", () => {
  const tasks = [
    ...tasksOf("make -> load -> check -> tell; extract -> load", { make: { isSetup: true } }),
    taskSpec("drop", { dependsOn: ["load"], teardownOf: ["make"] }),
  ];
  const selected = (taskIds: string[], withDownstream = false) => selectedTasks({ tasks }, { taskIds, withDownstream });

  it("are all where none is named", () => {
    expect(selectedTasks({ tasks }, {})).toBeNull();
    expect(selected(["extract", "make", "tell", "check", "load", "drop"])).toBeNull();
  });

  it("are those named, and with downstream all after them", () => {
    expect(selected(["extract"])).toEqual(["extract"]);
    expect(selected(["check"], true)).toEqual(["make", "check", "tell", "drop"]);
  });

  it("bring the setup that they stand on, and its teardown", () => {
    expect(selected(["load"])).toEqual(["make", "load", "drop"]);
  });
});

describe("the estimate of a backfill", () => {
  const budget = { perRun: "5", currency: "USD", warnAt: 0.8, onExceeded: "stop" } as const;
  const history = { runs: 5, medianMs: 60_000, medianCost: "0.1", currency: "USD" };

  it("is what the runs before took and cost, in waves of its width, exactly", () => {
    expect(estimate(history, 31, 4)).toMatchObject({ durationMs: 8 * 60_000, cost: "3.1" });
    expect(estimate({ ...history, runs: 0 }, 31, 4)).toBeNull();
    expect(estimate({ ...history, medianCost: null }, 31, 4)).toMatchObject({ cost: null });
  });

  it("refuses runs that are expected to cost more than each may spend, and no others", () => {
    const dear = (medianCost: string | null) => overBudget(budget, estimate({ ...history, medianCost }, 1, 1))?.code;
    expect([dear("5"), dear("5.000001"), dear(null)]).toEqual([undefined, "BACKFILL_OVER_BUDGET", undefined]);
    expect(overBudget(null, estimate({ ...history, medianCost: "99" }, 1, 1))).toBeNull();
    expect(overBudget(budget, null)).toBeNull();
  });
});
