import { describe, expect, test } from "vitest";
import { carriedOn, estimateLines, planLines, rangeOf } from "../../engine/cli/backfill/plan.ts";
import { backfillLines } from "../../engine/cli/backfill/show.ts";
import { confOf, wishOf } from "../../engine/cli/backfill/wish.ts";
import { backfillDates } from "../../engine/core/backfill/dates.ts";
import { estimate } from "../../engine/core/backfill/estimate.ts";
import { planBackfill } from "../../engine/core/backfill/plan.ts";
import { SCHEDULE_DEFAULTS, DAG_DEFAULTS, type DagSpec } from "../../engine/core/dag.ts";
import type { NocturneError } from "../../engine/core/errors.ts";
import type { ReprocessBehavior, TakenDate } from "../../engine/core/records.ts";
import type { BackfillProgress } from "../../engine/store/read-models/backfills.ts";

const spec: DagSpec = {
  ...DAG_DEFAULTS,
  dagId: "nightly",
  tags: [],
  paused: false,
  schedule: { ...SCHEDULE_DEFAULTS, cron: ["0 2 * * *"], timezone: "UTC", catchup: false },
  timezone: "UTC",
  startAt: null,
  endAt: null,
  maxActiveRuns: 1,
  backfillMaxActiveRuns: 4,
  params: { bucket: { type: "string" }, max_rejected: { type: "number", maximum: 1 } },
  sla: [],
  budget: null,
  notify: [],
  pools: {},
  tasks: [],
};

const taken = (day: string, state: TakenDate["state"]): TakenDate => ({
  dagId: spec.dagId,
  logicalAt: Date.parse(`${day}T02:00:00Z`),
  runId: day,
  state,
  endedAt: null,
});

/** The plan of a range at noon of a day. */
const planAt = (
  noon: string,
  from: string,
  to: string,
  existing: readonly TakenDate[],
  reprocess: ReprocessBehavior,
) => {
  const dates = backfillDates(spec, { fromDate: from, toDate: to }, Date.parse(`${noon}T12:00:00Z`));
  if ("code" in dates) throw new Error(dates.message);
  return planBackfill(spec, dates, existing, { reprocess });
};

const codeOf = (action: () => unknown): string => {
  try {
    action();
    return "nothing was refused";
  } catch (error) {
    return (error as NocturneError).problems.map(({ code, message }) => `${code} ${message}`).join();
  }
};

describe("what a backfill says before it starts", () => {
  test("is what it makes, what it runs again and carries on, what it leaves alone and why, and which days are not over", () => {
    const existing = [
      taken("2026-01-02", "success"),
      taken("2026-01-03", "failed"),
      taken("2026-01-04", "running"),
      taken("2026-01-06", null),
    ];
    const plan = planAt("2026-01-07", "2026-01-01", "2026-01-07", existing, "failed");
    expect(planLines(plan)).toEqual([
      "   2  make  (2026-01-01, 2026-01-05)",
      "   1  leave alone: its run ended in success; --reprocess completed runs it again  (2026-01-02)",
      "   1  run again  (2026-01-03)",
      "   1  carry on: its run is running  (2026-01-04)",
      "   1  leave alone: its run has left for the archive, its date stays taken  (2026-01-06)",
      "   1  leave out: the day is not over  (2026-01-07)",
    ]);
    expect(carriedOn(plan)).toEqual(["2026-01-04"]);
  });

  test("refuses what is no range", () => {
    expect(codeOf(() => rangeOf(spec, "2026-02-30", "2026-03-01"))).toMatch(/^USAGE .*2026-02-30/);
    expect(codeOf(() => rangeOf(spec, "2026-1-1", "2026-03-01"))).toMatch(
      /^USAGE --from 2026-1-1 .*2026-1-1 is no day/,
    );
    expect(codeOf(() => rangeOf(spec, "2026-03-02", "2026-03-01"))).toMatch(
      /^USAGE --from 2026-03-02 .*begins after it ends/,
    );
  });

  test("checks --conf against the DAG's params", () => {
    expect(confOf(spec, undefined)).toEqual({});
    expect(confOf(spec, '{"max_rejected": 0.2}')).toEqual({ max_rejected: 0.2 });
    expect(codeOf(() => confOf(spec, "{nonsense"))).toMatch(/^USAGE --conf: expected a JSON object/);
    expect(codeOf(() => confOf(spec, "[1]"))).toMatch(/^USAGE --conf: expected a JSON object/);
    expect(codeOf(() => confOf(spec, '{"buket": "a"}'))).toMatch(/no param buket; did you mean bucket\?/);
    expect(codeOf(() => confOf(spec, '{"max_rejected": 2}'))).toMatch(/max_rejected: expected at most 1, got 2/);
  });

  test("is what it should cost and when it should end, from the runs before, or that there are none", () => {
    const plan = planAt("2026-02-10", "2026-01-01", "2026-01-10", [], "none");
    const said = { budget: null, maxActiveRuns: 4, now: Date.parse("2026-02-10T12:00:00Z") };
    const history = { runs: 7, medianMs: 600_000, medianCost: "1.205", currency: "USD" };
    expect(estimateLines("nightly", plan, estimate(history, 10, 4), said)).toEqual([
      "Expected cost: 10 runs of 1.21 USD are 12.05 USD (the median of 7 earlier runs; no budget limits it).",
      "Expected end: 2026-02-10 12:30:00Z if it starts now and nothing holds it up (10 min 00 s a run, 4 at a time).",
    ]);
    const limited = { ...said, budget: { perRun: "5", currency: "USD", warnAt: 0.8, onExceeded: "stop" } as const };
    const unbooked = estimate({ ...history, medianCost: null }, 10, 4);
    expect(estimateLines("nightly", plan, unbooked, limited)[0]).toBe(
      "Expected cost: none was booked for earlier runs (the median of 7 earlier runs; each run may spend 5 USD).",
    );
    expect(estimateLines("nightly", plan, estimate({ ...history, runs: 0 }, 10, 4), said)).toEqual([
      "No estimate: nightly has had no successful run yet.",
    ]);
  });

  test("needs both ends of its range", () => {
    expect(codeOf(() => wishOf(spec, { from: "2026-01-01", reprocess: "none" }))).toMatch(/^USAGE .*--from and --to/);
  });
});

describe("a backfill that is shown", () => {
  const NOW = Date.parse("2026-02-10T12:00:00Z");
  const progress: BackfillProgress = {
    backfill: {
      number: 7,
      backfillId: "b",
      dagId: "nightly",
      fromDate: "2026-01-01",
      toDate: "2026-01-10",
      fromAt: 0,
      toAt: 0,
      maxActiveRuns: 2,
      reprocess: "none",
      conf: {},
      runsBackwards: true,
      onlyTasks: ["load"],
      state: "active",
      isPaused: false,
      createdAt: NOW - 3_700_000,
      updatedAt: NOW,
      completedAt: null,
    },
    runCounts: { success: 3, failed: 1, running: 2, queued: 4 },
    tasks: [],
    pace: { startedAt: NOW - 3_600_000, timedRuns: 4, medianMs: 1_200_000 },
    costAmount: "3.5",
    currency: "USD",
  };

  test("says how far it is, how fast it goes and when it should end", () => {
    expect(backfillLines(progress, NOW)).toEqual([
      "Backfill 7  nightly  2026-01-01 to 2026-01-10  active",
      "2 at a time, newest first, only load; made 2026-02-10 10:58:20Z",
      "4 of 10 runs done, 1 failed, 2 running, 4 waiting",
      "4 runs an hour, half of them took 20 min 00 s",
      "expected end 2026-02-10 13:00:00Z, in 1 h 00 min",
      "cost so far: 3.50 USD",
    ]);
  });

  test("promises no end while it is paused, or before a run has ended", () => {
    const paused = { ...progress, backfill: { ...progress.backfill, isPaused: true } };
    expect(backfillLines(paused, NOW).join()).toMatch(/ {2}paused,.*/);
    expect(backfillLines(paused, NOW).join()).not.toContain("expected end");
    const begun = { ...progress, pace: { ...progress.pace, timedRuns: 0 } };
    expect(backfillLines(begun, NOW).join()).not.toMatch(/expected end|an hour/);
  });
});
