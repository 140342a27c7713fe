import type { MarkedTaskState } from "../../commands.ts";
import { isFinished, isRunFinished } from "../../states.ts";
import { fail } from "../conclude.ts";
import { endRun } from "../end-run.ts";
import type { DecisionContext } from "../events.ts";
import { evaluate, finish, finishRun, resultOf } from "../progress.ts";
import type { RunDraft } from "../run-draft.ts";
import { renew, reopenRun, reopenWhole, skipWaiting } from "./renew.ts";
import { reachable } from "./select.ts";

/**
 * Gives task instances the state that a person says; what runs is ended first, its bill is AWS's (protocol rule 23). What a
 * failure stopped downstream of a success begins anew, as in Airflow.
 */
export function mark(
  draft: RunDraft,
  places: readonly number[],
  state: MarkedTaskState,
  by: string,
  context: DecisionContext,
): void {
  for (const place of places) markOne(draft, place, state, by, context);
  if (state === "success") resume(draft, places, by, context);
  // Nothing of a run that had ended began anew: it is what its leaves now say.
  if (isRunFinished(draft.run.state) && draft.run.ending === null) draft.run = { ...draft.run, state: resultOf(draft) };
}

function markOne(draft: RunDraft, place: number, state: MarkedTaskState, by: string, context: DecisionContext): void {
  const { task, taskAt, attempt } = draft.node(place);
  if (attempt?.state === "open") {
    draft.attempt(place, { ...attempt, ending: { cause: "mark", then: state, by, at: context.now } });
    const isSensor = context.launchOf(attempt.operator).kind === "sensor";
    if (isSensor) fail(draft, place, { class: "permanent", code: "CANCELLED", message: "" }, {}, context);
    return;
  }
  if (task.state === state) return;
  if (task.mapIndex >= 0) reopenWhole(draft, taskAt, by, context.now);
  finish(draft, place, state, `marked ${state}`, context, by);
}

/** What failed, or was stopped by a failure, after these tasks. */
function resume(draft: RunDraft, places: readonly number[], by: string, context: DecisionContext): void {
  const from = places.map((place) => draft.node(place).taskAt);
  const chosen = new Set(places);
  const stopped = [...reachable(draft.active.dag.downstream, from)].filter((taskAt) => {
    const { state } = draft.node(taskAt).task;
    const isOwn = state === "failed" && !draft.spec(taskAt).forEach;
    return !chosen.has(taskAt) && (state === "upstream_failed" || isOwn);
  });
  if (stopped.length === 0) return;
  reopenRun(draft, context.now);
  for (const place of stopped) renew(draft, place, "what it waits for was marked", by, context.now);
  if (draft.run.state === "running") for (const place of stopped) evaluate(draft, place, context);
}

/**
 * Gives a run the result that a person says. failed: what runs is ended, what has not begun is skipped. success: every task
 * that has not succeeded is marked so. Teardowns run in both, and the run is final after them.
 */
export function markRun(draft: RunDraft, state: "success" | "failed", by: string, context: DecisionContext): void {
  const { now } = context;
  if (isRunFinished(draft.run.state) || draft.run.state === "queued") {
    if (state === "success") markAll(draft, by, context);
    else skipWaiting(draft, by, context);
    draft.run = { ...draft.run, state, endedAt: draft.run.endedAt ?? now, ending: null, isReopened: false };
    return;
  }
  if (state === "failed") {
    endRun(draft, { cause: "mark", then: "failed", by, at: now }, context);
    return;
  }
  draft.run = { ...draft.run, ending: null };
  markAll(draft, by, context);
  finishRun(draft, context);
}

function markAll(draft: RunDraft, by: string, context: DecisionContext): void {
  const isRunning = draft.run.state === "running";
  for (let place = 0; place < draft.size; place++) {
    const { task, attempt } = draft.node(place);
    if ((isRunning && draft.isTeardown(place)) || task.state === "removed" || task.state === "skipped") continue;
    // A setup that never made anything leaves nothing to tear down.
    const isUnmade = attempt?.state !== "open" && !isFinished(task.state) && draft.spec(place).isSetup;
    const isUnneeded = draft.isTeardown(place) && !isFinished(task.state);
    markOne(draft, place, isUnmade || isUnneeded ? "skipped" : "success", by, context);
  }
}
