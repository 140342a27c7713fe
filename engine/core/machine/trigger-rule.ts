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

/**
 * What a trigger rule says once `counts` of the upstreams are known. A removed upstream counts as if it were not there; a
 * task without upstreams runs. Source: Airflow 3, trigger_rule_dep.
 */
export function triggerVerdict(rule: TriggerRule, counts: UpstreamCounts): TriggerVerdict {
  const { success, skipped } = counts;
  const total = counts.total - counts.removed;
  const failures = counts.failed + counts.upstreamFailed;
  const isDone = done(counts) === counts.total;
  const once = (isSo: boolean, verdict: TriggerVerdict, otherwise: TriggerVerdict = "wait"): TriggerVerdict =>
    isSo ? verdict : otherwise;
  if (total === 0) return "run";
  switch (rule) {
    case "all_success":
      if (failures > 0) return "upstream_failed";
      return once(skipped > 0, "skip", once(isDone, "run"));
    case "all_failed":
      return once(success + skipped > 0, "skip", once(isDone, "run"));
    case "all_done":
      return once(isDone, "run");
    case "all_done_min_one_success":
      if (skipped > 0) return "skip";
      return once(isDone, success > 0 ? "run" : "upstream_failed");
    case "all_skipped":
      return once(success + failures > 0, "skip", once(isDone, "run"));
    case "one_failed":
      return once(failures > 0, "run", once(isDone, "skip"));
    case "one_success":
      if (success > 0) return "run";
      return once(isDone, skipped === total ? "skip" : "upstream_failed");
    case "one_done":
      return once(success + counts.failed > 0, "run", once(isDone, "skip"));
    case "none_failed":
      return once(failures > 0, "upstream_failed", once(isDone, "run"));
    case "none_failed_min_one_success":
      if (failures > 0) return "upstream_failed";
      return once(isDone, success > 0 ? "run" : "skip");
    case "none_skipped":
      return once(skipped > 0, "skip", once(isDone, "run"));
    case "always":
      return "run";
  }
}

/** A teardown runs once everything before it is done and one of its setups succeeded (protocol rule 25). */
export function teardownVerdict(counts: UpstreamCounts): TriggerVerdict {
  if (done(counts) < counts.total) return "wait";
  if (counts.setupSuccess > 0) return "run";
  return counts.setupSkipped === counts.setupTotal ? "skip" : "upstream_failed";
}
