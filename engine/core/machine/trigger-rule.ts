import type { TriggerRule } from "../dag.ts";

/** How many upstreams of a task ended in which way; `total` counts those still open too. */
export interface UpstreamCounts {
  readonly total: number;
  readonly success: number;
  readonly failed: number;
  readonly upstreamFailed: number;
  readonly skipped: number;
  readonly removed: number;
  /** Of `total`, setups of this teardown; and how they ended. */
  readonly setupSuccess: number;
  readonly setupSkipped: number;
  readonly setupTotal: number;
}

export type TriggerVerdict = "wait" | "run" | "skip" | "upstream_failed";

const done = (counts: UpstreamCounts): number =>
  counts.success + counts.failed + counts.upstreamFailed + counts.skipped + counts.removed;

/** What a trigger rule says once `counts` of the upstreams are known. Source: Airflow 3, trigger_rule_dep. */
export function triggerVerdict(rule: TriggerRule, counts: UpstreamCounts): TriggerVerdict {
  switch (rule) {
    case "all_success":
      if (counts.failed + counts.upstreamFailed > 0) return "upstream_failed";
      if (counts.skipped > 0) return "skip";
      return counts.success + counts.removed === counts.total ? "run" : "wait";
    case "all_done":
      return done(counts) === counts.total ? "run" : "wait";
  }
}

/** A teardown runs once everything before it is done and one of its setups succeeded (protocol rule 25). */
export function teardownVerdict(counts: UpstreamCounts): TriggerVerdict {
  if (done(counts) < counts.total) return "wait";
  if (counts.setupSuccess > 0) return "run";
  return counts.setupSkipped === counts.setupTotal ? "skip" : "upstream_failed";
}
