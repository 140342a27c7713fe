import { chosenTasks } from "../graph/chosen.ts";
import type { Json } from "../json.ts";
import type { Leads, TaskFailure, Usage } from "../operator.ts";
import type { Attempt, Ending } from "../records.ts";
import type { MarkedTaskState } from "../commands.ts";
import { isFinished } from "../states.ts";
import { accrue, settleBill, writeAccrued } from "./booking.ts";
import type { DecisionContext } from "./events.ts";
import { outputMistake } from "./output-size.ts";
import { lateSearchAt } from "./owed.ts";
import { beginsAnew, startAnew } from "./people/renew.ts";
import { evaluate, finish } from "./progress.ts";
import { isRetried, retryAt } from "./retry.ts";
import type { RunDraft } from "./run-draft.ts";

/** The newest attempt of a task; the caller knows that there is one. */
export function openAttempt(draft: RunDraft, position: number): Attempt {
  const { attempt } = draft.node(position);
  if (attempt?.state !== "open") throw new Error(`${draft.spec(position).taskId} has no open attempt`);
  return attempt;
}

interface Ended {
  readonly usage?: readonly Usage[] | undefined;
  readonly logTail?: readonly string[] | undefined;
}

/** The remote job ended well. A person's decision to end the task keeps its word; other endings let success stand (rule 23). */
export function succeed(
  draft: RunDraft,
  position: number,
  output: Json | undefined,
  ended: Ended & { readonly settleAfterMs?: number | undefined; readonly leads?: Leads | undefined },
  context: DecisionContext,
): void {
  const attempt = openAttempt(draft, position);
  const { now } = context;
  const mistake = output === undefined ? null : outputMistake(output);
  if (mistake !== null) {
    const message = `the job succeeded, but its output ${mistake}`;
    fail(draft, position, { class: "permanent", code: "OUTPUT_TOO_LARGE", message }, ended, context);
    return;
  }
  const leads = resolved(draft, position, ended.leads);
  if (leads && "mistake" in leads) {
    fail(draft, position, { class: "permanent", code: "BRANCH_INVALID", message: leads.mistake }, ended, context);
    return;
  }
  // Under a budget an open meter is looked at as often as a job that runs.
  const isLimited = draft.active.dag.version.spec.budget !== null;
  const settleAt = ended.settleAfterMs === undefined ? null : now + (isLimited ? 0 : ended.settleAfterMs);
  draft.attempt(position, { ...attempt, state: "succeeded", endedAt: now, settleAt, doubtAt: null });
  if (settleAt === null) settleBill(draft, attempt, ended.usage, context);
  else {
    accrue(draft, attempt, ended.usage ?? [], context);
    writeAccrued(draft, attempt);
  }
  const ending = attempt.ending;
  if (ending && beginsAnew(draft, position, ending)) {
    startAnew(draft, position, ending, context);
    return;
  }
  const word = ending && (ending.cause === "cancel" || ending.cause === "mark") ? wordOf(ending) : null;
  const isKept = word === null || (ending?.cause === "mark" && word === "success");
  if (isKept && output !== undefined) draft.rare.outputs.set(position, output);
  if (ending && word !== null) {
    finish(draft, position, word, ending.cause, context, ending.by);
    return;
  }
  finish(draft, position, "success", "the job succeeded", context, "engine", leads);
}

/** The state that a person said. */
const wordOf = ({ then }: Ending): MarkedTaskState => (then === "success" || then === "skipped" ? then : "failed");

/** Where a success leads, in ids of tasks: a choice may name groups. */
function resolved(
  draft: RunDraft,
  position: number,
  leads: Leads | undefined,
): Leads | { readonly mistake: string } | undefined {
  if (leads === undefined) return leads;
  if (draft.node(position).task.mapIndex >= 0) {
    return { mistake: "a mapped task cannot say which tasks follow: its instances would contradict one another" };
  }
  if ("stop" in leads) return leads;
  return chosenTasks(draft.active.dag, draft.node(position).taskAt, leads.chosen);
}

/** The attempt ended without success: another try, or the end of the task. */
export function fail(
  draft: RunDraft,
  position: number,
  failure: TaskFailure,
  ended: Ended,
  context: DecisionContext,
): void {
  const attempt = openAttempt(draft, position);
  const { now, settings } = context;
  const launch = context.launchOf(attempt.operator);
  const said = attempt.ending ? endingFailure(attempt, failure) : failure;
  const closed: Attempt = {
    ...attempt,
    state: "failed",
    endedAt: now,
    failure: said,
    logTail: ended.logTail ?? attempt.logTail,
    doubtAt: null,
    // A request of it may have arrived since, or do so yet, and nobody else would know of its job.
    searchAt: attempt.ref === null ? lateSearchAt(attempt, launch, settings) : attempt.searchAt,
  };
  draft.attempt(position, closed);
  settleBill(draft, attempt, ended.usage, context);
  if (attempt.ending && beginsAnew(draft, position, attempt.ending)) {
    startAnew(draft, position, attempt.ending, context);
    return;
  }
  if (attempt.ending?.cause === "mark") {
    finish(draft, position, wordOf(attempt.ending), "mark", context, attempt.ending.by);
    return;
  }
  const { task } = draft.node(position);
  const stopped = (draft.run.ending !== null && !draft.isTeardown(position)) || attempt.ending?.then === "failed";
  // A service that is full has had no attempt: it costs none (engine.md).
  const isFree = said.class === "capacity";
  const isLeft = isFree || (isRetried(said, draft.spec(position)) && task.tryNumber < task.maxTry);
  if (!stopped && isLeft) {
    const at = retryAt(draft.spec(position), task.tryNumber, attempt.launchKey, now);
    const again = { state: "up_for_retry", retryAt: at, maxTry: task.maxTry + Number(isFree) } as const;
    draft.task(position, again, `${said.code}: ${said.message}`, "engine", now);
    draft.patch(position, { prepared: null });
    if (said.class === "resource_gone") renewSetups(draft, position, context);
    return;
  }
  const by = attempt.ending?.by ?? "engine";
  finish(draft, position, "failed", `${said.code}: ${said.message}`, context, by);
}

function endingFailure(attempt: Attempt, failure: TaskFailure): TaskFailure {
  const ending = attempt.ending;
  // A lost job may still run: not even a timeout makes it safe to start another.
  if (failure.class === "lost") return failure;
  if (ending?.cause === "timeout") {
    return { class: "retryable", code: "TIMEOUT", message: "the attempt ran longer than its timeout and was ended" };
  }
  if (ending?.cause === "budget") {
    return { class: "permanent", code: "BUDGET_EXCEEDED", message: `the run ${ending.why ?? "exceeded its budget"}` };
  }
  if (ending?.cause === "run_timeout") {
    return { class: "permanent", code: "TIMEOUT", message: `the run ${ending.why ?? "took too long"}` };
  }
  if (ending) return { class: "permanent", code: "CANCELLED", message: `ended by ${ending.by} (${ending.cause})` };
  return failure;
}

/** What a task ran on has ended: its setups are made again, and it waits for them (rule 25). */
function renewSetups(draft: RunDraft, position: number, context: DecisionContext): void {
  const { now } = context;
  const setups = (draft.active.dag.upstream[draft.node(position).taskAt] ?? []).filter(
    (from) => draft.spec(from).isSetup,
  );
  for (const setup of setups) {
    const node = draft.node(setup);
    if (node.task.state !== "success") continue;
    draft.leaveAttempt(setup);
    const maxTry = node.task.tryNumber + draft.spec(setup).retries + 1;
    const fresh = { state: "none", maxTry, startedAt: null, endedAt: null } as const;
    draft.task(setup, fresh, "what it had set up is gone", "engine", now);
    draft.patch(setup, { attempt: null, prepared: null });
  }
  // Where none is made again there is nothing to wait for: the next try comes at its time.
  if (setups.every((setup) => isFinished(draft.node(setup).task.state))) return;
  draft.task(position, { state: "none", retryAt: null }, "waits for its setup to be made again", "engine", now);
  for (const setup of setups) evaluate(draft, setup, context);
}
