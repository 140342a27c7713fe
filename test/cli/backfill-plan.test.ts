import { describe, expect, test } from "vitest";
import { carriedOn, planBackfill, planLines, rangeOf } from "../../engine/cli/backfill/plan.ts";
import { confOf } from "../../engine/cli/commands/backfill.ts";
import { SCHEDULE_DEFAULTS, DAG_DEFAULTS, type DagSpec } from "../../engine/core/dag.ts";
import type { NocturneError } from "../../engine/core/errors.ts";
import type { DagRun } from "../../engine/core/records.ts";
import type { RunState } from "../../engine/core/states.ts";

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

const runAt = (day: string, state: RunState): DagRun => ({
  runId: day,
  dagId: spec.dagId,
  dagRunId: `backfill__${day}`,
  runType: "backfill",
  logicalAt: Date.parse(`${day}T02:00:00Z`),
  intervalStartAt: null,
  intervalEndAt: null,
  runAfterAt: 0,
  versionId: "v",
  backfillId: null,
  conf: {},
  state,
  queuedAt: 0,
  startedAt: null,
  endedAt: null,
  triggeredBy: "test",
  quarantine: null,
  budgetLevel: "ok",
  ending: null,
});

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
    const existing = [runAt("2026-01-02", "success"), runAt("2026-01-03", "failed"), runAt("2026-01-04", "running")];
    const planned = rangeOf(spec, "2026-01-01", "2026-01-07");
    const plan = planBackfill(spec, planned, existing, "failed", Date.parse("2026-01-07T12:00:00Z"));
    expect(planLines(plan)).toEqual([
      "   3  make  (2026-01-01, 2026-01-05, 2026-01-06)",
      "   1  leave alone: its run ended in success; --reprocess completed runs it again  (2026-01-02)",
      "   1  run again  (2026-01-03)",
      "   1  carry on: its run is running  (2026-01-04)",
      "   1  leave out: the day is not over  (2026-01-07)",
    ]);
    expect(carriedOn(plan).map(({ runId }) => runId)).toEqual(["2026-01-04"]);
  });

  test("refuses what is no range", () => {
    expect(codeOf(() => rangeOf(spec, "2026-02-30", "2026-03-01"))).toMatch(/^USAGE .*2026-02-30/);
    expect(codeOf(() => rangeOf(spec, "2026-1-1", "2026-03-01"))).toMatch(/^USAGE --from 2026-1-1: expected a day/);
    expect(codeOf(() => rangeOf(spec, "2026-03-02", "2026-03-01"))).toMatch(/^USAGE --from 2026-03-02 is after/);
  });

  test("checks --conf against the DAG's params", () => {
    expect(confOf(spec, undefined)).toEqual({});
    expect(confOf(spec, '{"max_rejected": 0.2}')).toEqual({ max_rejected: 0.2 });
    expect(codeOf(() => confOf(spec, "{nonsense"))).toMatch(/^USAGE --conf: expected a JSON object/);
    expect(codeOf(() => confOf(spec, "[1]"))).toMatch(/^USAGE --conf: expected a JSON object/);
    expect(codeOf(() => confOf(spec, '{"buket": "a"}'))).toMatch(/no param buket; did you mean bucket\?/);
    expect(codeOf(() => confOf(spec, '{"max_rejected": 2}'))).toMatch(/max_rejected: expected at most 1, got 2/);
  });
});
