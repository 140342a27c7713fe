import type { TaskState } from "../states.ts";
import { isFinished } from "../states.ts";
import type { DecisionContext } from "./events.ts";
import type { RunDraft } from "./run-draft.ts";
import { teardownVerdict, triggerVerdict, type UpstreamCounts } from "./trigger-rule.ts";

/** How the upstreams of a task stand. */
function countUpstreams(draft: RunDraft, position: number): UpstreamCounts {
  const { upstream, setups } = draft.active.dag;
  const positions = upstream[position] ?? [];
  const own = new Set(setups[position]);
  const tally: Partial<Record<TaskState, number>> = {};
  let setupSuccess = 0;
  let setupSkipped = 0;
  for (const from of positions) {
    const { state } = draft.node(from).task;
    tally[state] = (tally[state] ?? 0) + 1;
    if (own.has(from) && state === "success") setupSuccess++;
    if (own.has(from) && state === "skipped") setupSkipped++;
  }
  return {
    total: positions.length,
    success: tally.success ?? 0,
    failed: tally.failed ?? 0,
    upstreamFailed: tally.upstream_failed ?? 0,
    skipped: tally.skipped ?? 0,
    removed: tally.removed ?? 0,
    setupSuccess,
    setupSkipped,
    setupTotal: own.size,
  };
}

/** Moves a task on if its upstreams now allow or forbid it. */
export function evaluate(draft: RunDraft, position: number, context: DecisionContext): void {
  if (draft.node(position).task.state !== "none") return;
  const counts = countUpstreams(draft, position);
  const teardown = draft.isTeardown(position);
  const verdict = teardown ? teardownVerdict(counts) : triggerVerdict(draft.spec(position).triggerRule, counts);
  if (draft.run.ending && !teardown && verdict !== "wait") {
    finish(draft, position, "skipped", `run ended: ${draft.run.ending.cause}`, context);
    return;
  }
  switch (verdict) {
    case "wait":
      return;
    case "run":
      draft.task(position, { state: "scheduled" }, "upstreams done", "engine", context.now);
      return;
    case "skip":
      finish(draft, position, "skipped", "an upstream was skipped", context);
      return;
    case "upstream_failed":
      finish(draft, position, "upstream_failed", "an upstream failed", context);
      return;
  }
}

/** Ends a task and tells its downstreams; ends the run with its last task. */
export function finish(
  draft: RunDraft,
  position: number,
  state: "success" | "failed" | "upstream_failed" | "skipped",
  why: string,
  context: DecisionContext,
  by = "engine",
): void {
  draft.task(position, { state, endedAt: context.now, retryAt: null }, why, by, context.now);
  draft.patch(position, { prepared: null });
  for (const next of draft.active.dag.downstream[position] ?? []) evaluate(draft, next, context);
  finishRun(draft, context);
}

/** A run is final once all its tasks are, teardowns too; its leaves decide how. */
export function finishRun(draft: RunDraft, context: DecisionContext): void {
  if (draft.run.state !== "running" || draft.openTasks > 0) return;
  const failed = draft.active.dag.leaves.some((leaf) => {
    const { state } = draft.node(leaf).task;
    return isFinished(state) && (state === "failed" || state === "upstream_failed");
  });
  draft.run = { ...draft.run, state: failed || draft.run.ending ? "failed" : "success", endedAt: context.now };
}
