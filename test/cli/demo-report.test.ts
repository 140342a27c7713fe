import pc from "picocolors";
import { describe, expect, test } from "vitest";
import { demoDocument, demoLines, verdictsOf, type DemoResult } from "../../engine/cli/demo/report.ts";
import type { DagRun } from "../../engine/core/records.ts";
import type { RunState } from "../../engine/core/states.ts";

/** Night `day` is due at 02:00 in New York on the next morning, takes `minutes`, and runs long after. */
function night(day: number, state: RunState, minutes: number): { ds: string; run: DagRun } {
  const ds = `2025-01-0${day}`;
  const logicalAt = Date.UTC(2025, 0, day, 7);
  const startedAt = Date.UTC(2026, 5, 1, 12);
  const run: DagRun = {
    runId: ds,
    dagId: "nightly_store_sales",
    dagRunId: `backfill__${ds}T07:00:00+00:00`,
    runType: "backfill",
    logicalAt,
    intervalStartAt: logicalAt,
    intervalEndAt: logicalAt + 86_400_000,
    runAfterAt: logicalAt + 86_400_000,
    versionId: "v",
    backfillId: "b",
    conf: {},
    state,
    queuedAt: startedAt,
    startedAt,
    endedAt: startedAt + minutes * 60_000,
    triggeredBy: "test",
    quarantine: null,
    budgetLevel: "ok",
    onlyTasks: null,
    ending: null,
  };
  return { ds, run };
}

const result: DemoResult = {
  runs: [night(6, "success", 1), night(7, "success", 300), night(8, "failed", 1)],
  stores: [
    { store_id: "3", transactions: 3966, units: 5471, gross_sales: "27897.05", net_sales: "27897.05" },
    { store_id: "10", transactions: 2, units: -1, gross_sales: "1.50", net_sales: "-3.25" },
  ],
  rejected: 100,
  duplicates: 1,
  cost: { amount: "1.2345", currency: "USD" },
  sla: { rules: [{ name: "ready", finishBy: { hour: 6, minute: 0, days: 0 } }], timezone: "America/New_York" },
  mails: [],
  budget: null,
  engine: "DuckDB",
  factor: 1,
  seconds: 9.876,
};

describe("the demo's report", () => {
  test("judges each night by its due time plus its own elapsed time; a failed night misses", () => {
    expect(verdictsOf(result).map(({ ds, met }) => [ds, met])).toEqual([
      ["2025-01-06", true],
      ["2025-01-07", false],
      ["2025-01-08", false],
    ]);
  });

  test("is a table per store and the figures with their labels", () => {
    const lines = demoLines(result, pc.createColors(false), (command) => `npx nocturne ${command}`).join("\n");
    expect(lines).toContain(
      [
        "STORE  TRANSACTIONS  UNITS  GROSS SALES  NET SALES",
        "3             3,966  5,471    27,897.05  27,897.05",
        "10                2     -1         1.50      -3.25",
      ].join("\n"),
    );
    expect(lines).toContain("100 lines rejected, 1 duplicate left out");
    expect(lines).toContain("1.23 USD, at local durations with AWS's minimum charges");
    expect(lines).toContain("1 of 3 met (due time plus own elapsed time)");
    expect(lines).toContain("2025-01-07  ready  missed  at 07:00:00");
    expect(lines).toContain("LOCAL (DuckDB)");
    expect(lines).toContain("Failed     2025-01-08: npx nocturne runs show backfill__2025-01-08T07:00:00+00:00");
  });

  test("is one document with stable keys", () => {
    expect(demoDocument(result)).toEqual({
      runs: [
        {
          dag_run_id: "backfill__2025-01-06T07:00:00+00:00",
          logical_date: "2025-01-06T07:00:00+00:00",
          state: "success",
          seconds: 60,
        },
        expect.objectContaining({ state: "success", seconds: 18_000 }),
        expect.objectContaining({ state: "failed" }),
      ],
      stores: result.stores,
      rejected: 100,
      duplicates: 1,
      cost: { amount: "1.23", currency: "USD" },
      sla: { met: 1, missed: 2 },
      engine: "DuckDB",
      seconds: 9.876,
      mails: [],
      budget: { limit: null, spent: "1.2345", currency: "USD", stopped: false },
    });
  });

  test("tells limit and spending exactly, and that a budget ended a run", () => {
    const { run } = night(6, "failed", 1);
    const ending = { cause: "budget", then: "failed", by: "engine", at: 0 } as const;
    const mails = [{ kind: "budget_exceeded", subject: "over", to: "data-oncall@example.com" } as const];
    const budget = { perRun: "25.50", currency: "USD", warnAt: 0.8, onExceeded: "stop" } as const;
    const runs = [{ ds: "2025-01-06", run: { ...run, ending } }];
    const cost = { amount: "27.123456789", currency: "USD" };
    expect(demoDocument({ ...result, runs, mails, budget, cost })).toMatchObject({
      mails,
      cost: { amount: "27.12", currency: "USD" },
      budget: { limit: "25.5", spent: "27.123456789", currency: "USD", stopped: true },
    });
  });

  test("judges a night that ran by its schedule by when it ended, however little it worked", () => {
    const { ds, run } = night(6, "success", 1);
    const scheduled = { ...run, runType: "scheduled", startedAt: run.runAfterAt + 5 * 3_600_000 } as const;
    const late = { ...scheduled, endedAt: scheduled.startedAt + 60_000 };
    expect(verdictsOf({ runs: [{ ds, run: late }], sla: result.sla })).toMatchObject([
      { met: false, finishAt: late.endedAt },
    ]);
  });

  test("of a clock that ran faster says so beside the cost", () => {
    const lines = demoLines({ ...result, factor: 1440 }, pc.createColors(false), (command) => command).join("\n");
    expect(lines).toContain("1.23 USD, at durations on a clock 1,440 times as fast, with AWS's prices");
  });
});
