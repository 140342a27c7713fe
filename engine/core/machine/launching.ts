import type { Json } from "../json.ts";
import type { Submitted, TaskFailure } from "../operator.ts";
import { isTokenOld, mayHaveUnseenJob } from "./attempt-debts.ts";
import { fail, openAttempt, succeed } from "./conclude.ts";
import { ask } from "./ask.ts";
import type { DecisionContext } from "./events.ts";
import { interrupted } from "./interrupted.ts";
import { launchKey } from "./launch-key.ts";
import { pushbackMs } from "./retry.ts";
import type { RunDraft } from "./run-draft.ts";

/** Opens the next attempt: the launch intent that must be durable before anything is sent (rule 12). */
export function launch(draft: RunDraft, position: number, paramsHash: string, context: DecisionContext): void {
  const { task } = draft.node(position);
  const spec = draft.spec(position);
  const { now, settings } = context;
  const tryNumber = task.tryNumber + 1;
  const { runId, taskNo, mapIndex } = task;
  draft.leaveAttempt(position);
  draft.forgetOutput(position);
  draft.attempt(position, {
    runId,
    taskNo,
    mapIndex,
    tryNumber,
    state: "open",
    operator: spec.operator,
    connection: spec.connection,
    launchKey: launchKey(context.sha256, context.installationId, runId, spec.taskId, mapIndex, tryNumber),
    paramsHash,
    intentAt: now,
    sendBy: now + settings.sendWindowMs,
    submitAt: now,
    pushbacks: 0,
    doubtAt: null,
    everInDoubt: false,
    ref: null,
    submittedAt: null,
    endedAt: null,
    ending: null,
    failure: null,
    searchAt: null,
    duplicates: [],
    settleAt: null,
    logTail: null,
    links: null,
  });
  draft.task(position, { tryNumber, state: "queued" }, "admitted", "engine", now);
}

export function admit(draft: RunDraft, position: number, context: DecisionContext): void {
  const { prepared, task } = draft.node(position);
  if (task.state !== "scheduled" || !prepared) return;
  draft.frozen.push(prepared);
  launch(draft, position, prepared.hash, context);
  const result = context.decide(draft.spec(position).operator, prepared.params);
  if (result) submitted(draft, position, result, context);
}

export function submitted(draft: RunDraft, position: number, result: Submitted, context: DecisionContext): void {
  const attempt = openAttempt(draft, position);
  const { now } = context;
  switch (result.kind) {
    case "started":
      started(draft, position, result.ref, context);
      if (result.asks) ask(draft, position, result.asks, context);
      return;
    case "done":
      draft.attempt(position, { ...attempt, submittedAt: now });
      succeed(draft, position, result.output, { usage: result.usage, leads: result.leads }, context);
      return;
    case "refused":
      refused(draft, position, result.failure, context);
      return;
    case "throttled":
      pushBack(draft, position, result, context);
      return;
    case "doubt":
      doubt(draft, position, result.message, context);
      return;
  }
}

/** The service is busy or full: that is no attempt, the same launch goes out later (engine.md). */
function pushBack(
  draft: RunDraft,
  position: number,
  { message, retryAfterMs }: { readonly message: string; readonly retryAfterMs?: number },
  context: DecisionContext,
): void {
  const attempt = openAttempt(draft, position);
  const { now, settings } = context;
  const launch = context.launchOf(attempt.operator);
  const hasUnseen = mayHaveUnseenJob(attempt, launch);
  if (attempt.ending && !hasUnseen) {
    fail(draft, position, { class: "permanent", code: "CANCELLED", message }, {}, context);
    return;
  }
  const submitAt = now + pushbackMs(settings.pushbackMs, attempt.pushbacks, attempt.launchKey, retryAfterMs);
  if (hasUnseen && isTokenOld(attempt, launch, submitAt)) {
    tokenExpired(draft, position, context);
    return;
  }
  const sendBy = submitAt + settings.sendWindowMs;
  draft.attempt(position, { ...attempt, submitAt, sendBy, pushbacks: attempt.pushbacks + 1, doubtAt: null });
  // Told at the first, second, fourth, … time: a launch that waits long says why, and a storm does not fill the history.
  if (Number.isInteger(Math.log2(attempt.pushbacks + 1))) note(draft, position, `pushed back: ${message}`, now);
}

/** The service said no. To a request that was repeated, that says nothing of the first one (rule 18). */
function refused(draft: RunDraft, position: number, failure: TaskFailure, context: DecisionContext): void {
  const attempt = openAttempt(draft, position);
  if (failure.class === "capacity") {
    pushBack(draft, position, failure, context);
    return;
  }
  if (!mayHaveUnseenJob(attempt, context.launchOf(attempt.operator))) {
    fail(draft, position, failure, {}, context);
    return;
  }
  const message = `an earlier request may have started it, and the repeat was refused: ${failure.message}`;
  fail(draft, position, { class: "permanent", code: "LAUNCH_UNKNOWN", message }, {}, context);
}

/** The remote job of the newest attempt is known. */
export function started(draft: RunDraft, position: number, ref: Json, context: DecisionContext): void {
  const attempt = openAttempt(draft, position);
  const { now } = context;
  const searchAt = attempt.everInDoubt && context.launchOf(attempt.operator).kind === "find" ? now : null;
  draft.attempt(position, { ...attempt, ref, submittedAt: now, doubtAt: null, searchAt });
  const { task } = draft.node(position);
  const startedAt = task.startedAt ?? now;
  draft.task(position, { state: "running", startedAt }, "the remote job is known", "engine", now);
}

/** Nobody knows whether the request arrived. What then helps depends on the launch kind (rule 16). */
export function doubt(draft: RunDraft, position: number, message: string, context: DecisionContext): void {
  const attempt = openAttempt(draft, position);
  const launchKind = context.launchOf(attempt.operator).kind;
  const { now } = context;
  switch (launchKind) {
    case "sensor":
      resend(draft, position, context);
      return;
    case "in_process":
      interrupted(draft, position, message, context);
      return;
    case "at_least_once":
      if (draft.spec(position).onDoubt === "resend") resend(draft, position, context);
      else fail(draft, position, { class: "permanent", code: "LAUNCH_UNKNOWN", message }, {}, context);
      return;
    case "token":
    case "name":
    case "find":
      draft.attempt(position, { ...attempt, doubtAt: attempt.doubtAt ?? now, everInDoubt: true });
      return;
  }
}

/** The same bytes under the same key again, with a new send_by; unless the token could have been forgotten meanwhile. */
export function resend(draft: RunDraft, position: number, context: DecisionContext): void {
  const attempt = openAttempt(draft, position);
  const { now, settings } = context;
  const launch = context.launchOf(attempt.operator);
  if (mayHaveUnseenJob(attempt, launch) && isTokenOld(attempt, launch, now)) {
    tokenExpired(draft, position, context);
    return;
  }
  draft.attempt(position, { ...attempt, doubtAt: null, submitAt: now, sendBy: now + settings.sendWindowMs });
}

function tokenExpired(draft: RunDraft, position: number, context: DecisionContext): void {
  const message = "the launch is in doubt and its token may have expired";
  fail(draft, position, { class: "permanent", code: "LAUNCH_UNKNOWN", message }, {}, context);
}

export function notSent(draft: RunDraft, position: number, context: DecisionContext): void {
  const attempt = openAttempt(draft, position);
  // A run that lets finish what was begun begins nothing by sending it again.
  const isOver = draft.run.ending !== null && !draft.isTeardown(position);
  const ending = attempt.ending ?? (isOver ? draft.run.ending : null);
  // A request before this one may have started a job, which only a further one under the same key can show (rule 23).
  if (ending === null || mayHaveUnseenJob(attempt, context.launchOf(attempt.operator))) {
    resend(draft, position, context);
    return;
  }
  draft.attempt(position, { ...attempt, ending });
  fail(draft, position, { class: "permanent", code: "CANCELLED", message: "never sent" }, {}, context);
}

/** Says something of a task whose state stays. */
export function note(draft: RunDraft, position: number, why: string, at: number): void {
  const { runId, taskNo, mapIndex, state } = draft.node(position).task;
  draft.history.push({ runId, taskNo, mapIndex, from: state, to: state, why, by: "engine", at });
}
