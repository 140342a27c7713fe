import type { TaskInstance } from "../records.ts";
import { fail } from "./conclude.ts";
import type { DecisionContext, RunEvent } from "./events.ts";
import { doubt } from "./launching.ts";
import { evaluate, finish, finishRun } from "./progress.ts";
import type { RunDraft } from "./run-draft.ts";

/** Applies what happened to a whole run. */
export function decideRun(draft: RunDraft, event: RunEvent, context: DecisionContext): void {
  switch (event.kind) {
    case "start":
      start(draft, context);
      return;
    case "end":
      end(draft, event, context);
      return;
    case "taken_over":
      takeOver(draft, context);
      return;
  }
}

function start(draft: RunDraft, context: DecisionContext): void {
  if (draft.run.state !== "queued" || draft.run.ending) return;
  const { dag, nodes } = draft.active;
  const rows = new Map(nodes.map((node): [number, TaskInstance] => [node.task.taskNo, node.task]));
  draft.run = { ...draft.run, state: "running", startedAt: context.now, endedAt: null };
  draft.start(dag.taskNos.map((number) => rows.get(number)));
  for (const root of dag.roots) evaluate(draft, root, context);
  finishRun(draft, context);
}

/** Ends a run: what runs is asked to stop, what has not begun is skipped, teardowns still run (rules 23 and 25). */
function end(draft: RunDraft, event: Extract<RunEvent, { kind: "end" }>, context: DecisionContext): void {
  const { now } = context;
  if (draft.run.ending || draft.run.endedAt !== null) return;
  const ending = { cause: event.cause, then: "failed", by: event.by, at: now } as const;
  draft.run = { ...draft.run, ending };
  if (draft.run.state === "queued") {
    draft.run = { ...draft.run, state: "failed", endedAt: now };
    return;
  }
  const positions = draft.active.dag.tasks.map((_, position) => position).filter((at) => !draft.isTeardown(at));
  for (const position of positions) {
    const { task, attempt } = draft.node(position);
    if (attempt?.state === "open") {
      draft.attempt(position, { ...attempt, ending });
      if (context.launchOf(attempt.operator).kind !== "sensor") continue;
      fail(draft, position, { class: "permanent", code: "CANCELLED", message: "" }, {}, context);
    } else if (task.state === "none" || task.state === "scheduled" || task.state === "up_for_retry") {
      finish(draft, position, "skipped", `run ended: ${event.cause}`, context, event.by);
    }
  }
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
