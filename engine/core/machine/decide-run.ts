import type { Instant } from "../json.ts";
import type { Ending } from "../records.ts";
import { endRun } from "./end-run.ts";
import type { DecisionContext, RunEvent } from "./events.ts";
import { makeInstances } from "./expand.ts";
import { doubt } from "./launching.ts";
import { abandon } from "./people/abandon.ts";
import { adopt, clear } from "./people/clear.ts";
import { mark, markRun } from "./people/mark.ts";
import { resumeRun } from "./people/resume.ts";
import { retryNow } from "./people/retry-now.ts";
import { evaluate, finishRun } from "./progress.ts";
import type { RunDraft } from "./run-draft.ts";

/** Applies what happened to a whole run. */
export function decideRun(draft: RunDraft, event: RunEvent, context: DecisionContext): void {
  switch (event.kind) {
    case "start":
      start(draft, context);
      return;
    case "end":
      endRun(draft, endingOf(event, context.now), context);
      return;
    case "map":
      makeInstances(draft, event.taskAt, event.most, context);
      return;
    case "clear":
      clear(draft, event.places, event.by, context);
      return;
    case "adopt":
      adopt(draft, event.place, event.ref, event.by, context);
      return;
    case "mark":
      mark(draft, event.places, event.state, event.by, context);
      return;
    case "mark_run":
      markRun(draft, event.state, event.by, context);
      return;
    case "abandon":
      abandon(draft, event.places, event.by, context);
      return;
    case "retry_now":
      retryNow(draft, event.places, event.by, context);
      return;
    case "past":
      if (draft.run.state === "running")
        for (const taskAt of draft.active.dag.past.keys()) evaluate(draft, taskAt, context);
      return;
    case "rebased":
      for (const taskAt of draft.active.dag.order) evaluate(draft, taskAt, context);
      finishRun(draft, context);
      return;
    case "taken_over":
      takeOver(draft, context);
      return;
  }
}

const endingOf = ({ cause, by, why }: Extract<RunEvent, { kind: "end" }>, at: Instant): Ending => ({
  cause,
  then: "failed",
  by,
  at,
  ...(why === undefined ? {} : { why }),
});

function start(draft: RunDraft, context: DecisionContext): void {
  if (draft.run.state !== "queued" || draft.run.ending) return;
  if (draft.run.isReopened) {
    resumeRun(draft, context);
    return;
  }
  const { dag } = draft.active;
  draft.run = { ...draft.run, state: "running", startedAt: context.now, endedAt: null, budgetLevel: "ok" };
  draft.start(context.now);
  // Of a part of the DAG any task may be a root.
  const roots = draft.run.onlyTasks === null ? dag.roots : dag.tasks.keys();
  for (const root of roots) evaluate(draft, root, context);
  finishRun(draft, context);
}

/** The last writer may have died between an intent and its answer: such launches are in doubt until shown otherwise. */
function takeOver(draft: RunDraft, context: DecisionContext): void {
  draft.active.nodes.forEach(({ attempt }, position) => {
    // Two processes' clocks differ by a little: only what was pushed back for longer than that was surely not sent.
    const latest = context.now + context.settings.requestLimitMs;
    const mayHaveBeenSent =
      attempt?.state === "open" && attempt.ref === null && attempt.doubtAt === null && attempt.submitAt <= latest;
    if (mayHaveBeenSent) doubt(draft, position, "the process that launched it died", context);
  });
}
