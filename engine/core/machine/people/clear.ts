import type { Json } from "../../json.ts";
import { isFinished } from "../../states.ts";
import type { DecisionContext } from "../events.ts";
import { fail } from "../conclude.ts";
import { launch } from "../launching.ts";
import { NOT_MAPPED_YET } from "../mapped.ts";
import { evaluate } from "../progress.ts";
import type { RunDraft } from "../run-draft.ts";
import { resumeRun } from "./resume.ts";
import { remove, renew, reopenRun, reopenWhole } from "./renew.ts";

/** Begins these task instances anew. What runs is ended first; the run goes back to work within its limits. */
export function clear(draft: RunDraft, places: readonly number[], by: string, context: DecisionContext): void {
  reopenRun(draft, context.now);
  for (const place of places) clearOne(draft, place, by, context);
  if (draft.run.state === "running") for (const place of places) evaluate(draft, place, context);
}

function clearOne(draft: RunDraft, place: number, by: string, context: DecisionContext): void {
  const { task, taskAt } = draft.node(place);
  // An instance of a list that holds no more: its task is mapped anew, or it would wait for an instance that never comes.
  if (task.mapIndex >= 0 && task.mapIndex >= draft.mappedOf(taskAt).made && isFinished(draft.node(taskAt).task.state)) {
    clearOne(draft, taskAt, by, context);
    return;
  }
  if (draft.spec(place).forEach && task.mapIndex < 0) {
    const { places } = draft.mappedOf(place);
    draft.rare.mapped.set(place, { ...NOT_MAPPED_YET, places });
    for (const each of places)
      endOr(draft, each, by, context, () => remove(draft, each, "its task was cleared", by, context.now));
    renew(draft, place, "cleared", by, context.now);
    return;
  }
  endOr(draft, place, by, context, () => renew(draft, place, "cleared", by, context.now));
  if (task.mapIndex >= 0) reopenWhole(draft, taskAt, by, context.now);
}

/** Asks an open attempt to end, or where there is none does `otherwise` at once. */
function endOr(draft: RunDraft, place: number, by: string, context: DecisionContext, otherwise: () => void): void {
  const { attempt, task } = draft.node(place);
  if (attempt?.state !== "open") {
    if (task.state !== "removed") otherwise();
    return;
  }
  if (attempt.ending?.cause === "clear") return;
  draft.attempt(place, { ...attempt, ending: { cause: "clear", then: "none", by, at: context.now } });
  // A sensor has no job that could be at work.
  const isSensor = context.launchOf(attempt.operator).kind === "sensor";
  if (isSensor) fail(draft, place, { class: "permanent", code: "CANCELLED", message: "" }, {}, context);
}

/** The attempt that is left may still be searched for, and then finds the job that was late: it is no duplicate. */
function knowJob(draft: RunDraft, place: number, ref: Json): void {
  const { attempt } = draft.node(place);
  if (!attempt || attempt.searchAt === null) return;
  draft.attempt(place, { ...attempt, duplicates: [...attempt.duplicates, { ref, isCancelled: true }] });
}

/**
 * The task's next attempt follows a job that is there already, as if this engine had started it: it is observed, billed and
 * ended like any other, and never submitted. A job that nobody knows is lost after the usual looks.
 */
export function adopt(draft: RunDraft, place: number, ref: Json, by: string, context: DecisionContext): void {
  const { now } = context;
  reopenRun(draft, now, true);
  // It had been opened again before: now it does not wait for its turn either.
  if (draft.run.state === "queued") resumeRun(draft, context);
  knowJob(draft, place, ref);
  renew(draft, place, "cleared", by, now);
  draft.task(place, { state: "scheduled" }, "its job is there already", by, now);
  const nothing = context.sha256("{}");
  draft.frozen.push({ hash: nothing, params: {} });
  launch(draft, place, nothing, context);
  const { attempt, task, taskAt } = draft.node(place);
  if (!attempt) throw new Error("an attempt was opened");
  draft.attempt(place, { ...attempt, ref, submittedAt: now });
  draft.task(place, { state: "running", startedAt: now }, `follows ${JSON.stringify(ref)}`, by, now);
  if (task.mapIndex >= 0) reopenWhole(draft, taskAt, by, now);
}
