import { expect, test } from "vitest";
import { backfillDates } from "../../../../engine/core/backfill/dates.ts";
import { SCHEDULE_DEFAULTS, type DagSpec } from "../../../../engine/core/dag.ts";
import { dagSpec, taskSpec } from "../../../scenario/scenario.ts";

const everySecond: DagSpec = {
  ...dagSpec([taskSpec("load")]),
  startAt: 0,
  schedule: { ...SCHEDULE_DEFAULTS, timezone: "UTC", everyMs: 1_000 },
};
const NOW = Date.UTC(2026, 0, 1);

// What would be computed for ten years, or for a month, is stopped by the test's own limit.
test("a range of ten years with a run every second is refused before its runs are computed", { timeout: 4_000 }, () => {
  expect(backfillDates(everySecond, { fromDate: "2015-01-01", toDate: "2024-12-31" }, NOW)).toMatchObject({
    code: "BACKFILL_INVALID",
    message: "the range has more than 10000 runs: ask for it in parts",
  });
});

test("of a run every second an hour can be asked for by its instants", () => {
  const logical = { fromAt: Date.UTC(2024, 5, 1, 22), toAt: Date.UTC(2024, 5, 1, 23) - 1 };
  const dates = backfillDates(everySecond, { fromDate: "2024-06-01", toDate: "2024-06-01", logical }, NOW);
  expect("runs" in dates && dates.runs.length).toBe(3_600);
});
