import type { DagSpec } from "../../core/dag.ts";
import type { Instant } from "../../core/json.ts";
import { planDue } from "../../core/schedule/plan.ts";
import { plannedAt, type PlannedRun } from "../../core/schedule/runs.ts";

/** The next `count` runs of the DAG's schedule that are due after `now`; fewer where it ends, none without a schedule. */
export function comingRuns(
  spec: Pick<DagSpec, "schedule" | "startAt" | "endAt">,
  now: Instant,
  count: number,
): PlannedRun[] {
  const { schedule, startAt } = spec;
  const runs: PlannedRun[] = [];
  if (schedule === null) return runs;
  // Before its start a schedule has ticks that make no run.
  const from = Math.max(now, startAt ?? now);
  const after = (at: Instant): Instant | null => planDue(spec, { scheduledUntil: at }, at, 1).nextDueAt;
  for (let due = after(from); due !== null && runs.length < count; due = after(due)) {
    const run = plannedAt(schedule, due);
    if (startAt === null || run.logicalAt >= startAt) runs.push(run);
  }
  return runs;
}
