import type { Leads } from "../operator.ts";
import { leftOut } from "../graph/left-out.ts";
import type { TaskState } from "../states.ts";
import { isFinished, isRunFinished } from "../states.ts";
import { decidingTasks } from "./deciding-tasks.ts";
import type { DecisionContext } from "./events.ts";
import { produce } from "./produce.ts";
import { endedInstances, isGrowing, wholeState } from "./mapped.ts";
import { heldUpBy } from "./past.ts";
import type { RunDraft } from "./run-draft.ts";
import { teardownVerdict, triggerVerdict, type UpstreamCounts } from "./trigger-rule.ts";

/** How the upstreams of a task stand; of a mapped one every instance counts, those that are still to be made as open. */
function countUpstreams(draft: RunDraft, position: number): UpstreamCounts {
  const { upstream, setups, tasks } = draft.active.dag;
  const { taskAt } = draft.node(position);
  const own = new Set(setups[taskAt]);
  const tally: Partial<Record<TaskState, number>> = {};
  let total = 0;
  let setupSuccess = 0;
  let setupSkipped = 0;
  for (const from of upstream[taskAt] ?? []) {
    const { state } = draft.node(from).task;
    const mapped = tasks[from]?.forEach ? draft.mappedOf(from) : null;
    // Of a run that is being ended no more instances are made: those that there are then stand for all.
    const instances = mapped && (isFinished(state) ? endedInstances(mapped) : mapped.expansion?.items.length);
    if (mapped && instances) {
      total += instances;
      for (const [ended, count] of Object.entries(mapped.ended)) {
        tally[ended as TaskState] = (tally[ended as TaskState] ?? 0) + count;
      }
    } else {
      total++;
      tally[state] = (tally[state] ?? 0) + 1;
    }
    if (own.has(from) && state === "success") setupSuccess++;
    if (own.has(from) && state === "skipped") setupSkipped++;
  }
  return {
    total,
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
  // Of a run that was opened again and waits for its turn nothing begins, whatever people say of its tasks.
  if (draft.run.state !== "running") return;
  if (draft.node(position).task.state !== "none" || awaitsInstances(draft, position)) return;
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
      // Looked at again whenever the run before changes.
      if (heldUpBy(draft.active, draft.node(position).taskAt) !== null) return;
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

/** Whether instances of a mapped task that was cleared are still being ended: it begins anew after them. */
function awaitsInstances(draft: RunDraft, position: number): boolean {
  if (!draft.spec(position).forEach || draft.node(position).task.mapIndex >= 0) return false;
  return draft.mappedOf(position).places.some((place) => draft.node(place).attempt?.state === "open");
}

/**
 * Looks again at the downstreams of a task, and at those instances of theirs that wait for it. What that ends has
 * downstreams too: they wait in line instead of on the stack, which a chain of thousands would fill.
 */
export function evaluateDownstreams(draft: RunDraft, taskAt: number, context: DecisionContext): void {
  const { line } = draft;
  line.push(taskAt);
  if (line.length > 1) return;
  for (const from of line) {
    for (const next of draft.active.dag.downstream[from] ?? []) {
      evaluate(draft, next, context);
      if (draft.spec(next).forEach) for (const place of draft.mappedOf(next).places) evaluate(draft, place, context);
    }
  }
  line.length = 0;
}

/** Ends a task and tells its downstreams; ends the run with its last task. */
export function finish(
  draft: RunDraft,
  position: number,
  state: "success" | "failed" | "upstream_failed" | "skipped",
  why: string,
  context: DecisionContext,
  by = "engine",
  leads?: Leads,
): void {
  draft.task(position, { state, endedAt: context.now, retryAt: null }, why, by, context.now);
  draft.patch(position, { prepared: null });
  const { taskAt, task } = draft.node(position);
  // A person's word for a task brings nothing up to date.
  if (state === "success" && by === "engine" && task.mapIndex < 0) produce(draft, taskAt, context.now);
  if (leads) leaveOut(draft, leftOut(draft.active.dag, taskAt, leads), context);
  if (task.mapIndex >= 0) {
    finishWhole(draft, taskAt, context);
    // Its task may have been cleared and wait for this end alone.
    evaluate(draft, taskAt, context);
  }
  evaluateDownstreams(draft, taskAt, context);
  finishRun(draft, context);
}

/** All at once: one that is still to be left out must not see another and run. */
function leaveOut(draft: RunDraft, tasks: readonly number[], context: DecisionContext): void {
  const left = tasks.filter((taskAt) => draft.node(taskAt).task.state === "none");
  const skipped = { state: "skipped", endedAt: context.now } as const;
  for (const taskAt of left) draft.task(taskAt, skipped, "not chosen", "engine", context.now);
  for (const taskAt of left) evaluateDownstreams(draft, taskAt, context);
}

/** A mapped task ends with the last of its instances; of a run that is being ended no more are made. */
export function finishWhole(draft: RunDraft, taskAt: number, context: DecisionContext): void {
  const mapped = draft.mappedOf(taskAt);
  const { task } = draft.node(taskAt);
  const isOver = draft.run.ending !== null || isRunFinished(draft.run.state);
  if (task.state !== "running" || (isGrowing(mapped) && !isOver)) return;
  if (endedInstances(mapped) < mapped.made) return;
  const why = `its ${mapped.made} instances have ended`;
  const state = wholeState(mapped);
  draft.task(taskAt, { state, endedAt: context.now }, why, "engine", context.now);
  if (state === "success") produce(draft, taskAt, context.now);
  evaluateDownstreams(draft, taskAt, context);
}

/** A run is final once all its tasks are, teardowns too; its leaves decide how. */
export function finishRun(draft: RunDraft, context: DecisionContext): void {
  if (draft.run.state !== "running" || draft.openTasks > 0) return;
  const state = draft.run.ending ? "failed" : resultOf(draft);
  draft.run = { ...draft.run, state, endedAt: context.now };
}

/** What the leaves say of a run whose tasks have ended. */
export function resultOf(draft: RunDraft): "success" | "failed" {
  const failed = decidingTasks(draft).some((leaf) => {
    const { state } = draft.node(leaf).task;
    return state === "failed" || state === "upstream_failed";
  });
  return failed ? "failed" : "success";
}
