import type { Instant } from "../../core/json.ts";
import type { Schedulable } from "../../core/schedule/due-plan.ts";
import { planDue } from "../../core/schedule/plan.ts";
import { plannedAt, type PlannedRun } from "../../core/schedule/runs.ts";

/**
 * The next `count` runs of the DAG's schedule that are due after `now`, with its jitter; fewer where it ends, none without
 * a schedule, and none of a continuous one, whose runs follow each other.
 */
export function comingRuns(spec: Schedulable, now: Instant, count: number): PlannedRun[] {
  const { schedule, startAt } = spec;
  const runs: PlannedRun[] = [];
  if (schedule === null || schedule.isContinuous) return runs;
  // Before its start a schedule has ticks that make no run; a tick that has passed may be due still, with jitter.
  const from = Math.max(now - schedule.jitterMs, startAt === null ? -Infinity : startAt - 1);
  const after = (at: Instant): Instant | null => planDue(spec, { scheduledUntil: at }, at, 1).nextDueAt;
  for (let due = after(from); due !== null && runs.length < count; due = after(due)) {
    const run = plannedAt(spec, due);
    if (run.runAfterAt > now && (startAt === null || run.logicalAt >= startAt)) runs.push(run);
  }
  return runs;
}
