import type { DagSpec } from "../dag.ts";
import type { Instant } from "../json.ts";
import type { ActiveRun } from "../machine/active-run.ts";
import { keyOf } from "../machine/deadlines.ts";
import type { ApprovalFacts, DagRun, Deadline, MailFacts } from "../records.ts";
import { dsOf } from "../schedule/runs.ts";
import { DAY_MS, Zone, dayText } from "../schedule/zone.ts";
import { isFinished } from "../states.ts";
import { finishByText } from "../sla/finish-by.ts";
import type { News } from "./mails.ts";

const MOST_FAILURES = 10;
const LOG_LINES = 20;

/** What every mail about a run says of it. */
export function runFacts(spec: DagSpec, run: DagRun): MailFacts {
  return {
    dagId: spec.dagId,
    timezone: spec.timezone,
    ...(spec.owner === undefined ? {} : { owner: spec.owner }),
    dagRunId: run.dagRunId,
    ds: dsOf(spec, run),
    runState: run.state,
    dueAt: run.runAfterAt,
    ...(run.startedAt === null ? {} : { startedAt: run.startedAt }),
    ...(run.endedAt === null ? {} : { endedAt: run.endedAt }),
  };
}

/** A deadline has passed. `active`: its run, where it waits or runs; null: it has none, or it has ended. */
export function missNews(spec: DagSpec, deadline: Deadline, active: ActiveRun | null, at: Instant): News {
  const rule = spec.sla.find(({ name }) => name === deadline.rule);
  const finishBy = rule ? finishByText(rule) : "its deadline";
  const day = dayText(Zone.of(spec.timezone).wall(deadline.dueAt));
  const open = (active?.nodes ?? []).flatMap(({ task }, position) => {
    const id = active?.dag.tasks[position]?.taskId ?? "";
    return isFinished(task.state) || task.state === "none" ? [] : [`${id} (${task.state})`];
  });
  const run = active
    ? runFacts(spec, active.run)
    : { dagId: spec.dagId, timezone: spec.timezone, dueAt: deadline.dueAt };
  return {
    kind: "sla_missed",
    key: keyOf(deadline),
    subject: `${spec.dagId} missed ${deadline.rule}: not finished by ${finishBy} (due ${day})`,
    facts: { ...run, sla: { rule: deadline.rule, finishBy, deadlineAt: deadline.deadlineAt, waitsFor: open } },
    runId: active?.run.runId ?? null,
    at,
  };
}

/** Deadlines that a long stop let pass, in one message: nobody reads thirty (sla-and-budget, no storm). */
export function oldMissesNews(spec: DagSpec, misses: readonly Deadline[], at: Instant): News {
  const newest = misses.reduce((a, b) => (a.deadlineAt > b.deadlineAt ? a : b));
  const days = Math.round((at - newest.deadlineAt) / DAY_MS);
  const count = misses.length === 1 ? "a deadline" : `${misses.length} deadlines`;
  const alsoMissed = misses.map(({ rule, dueAt, deadlineAt }) => ({ rule, dueAt, deadlineAt }));
  return {
    kind: "sla_missed",
    key: `${keyOf(newest)}/earlier`,
    subject: `${spec.dagId} missed ${count} while nothing ran, the last ${days} days ago`,
    facts: { dagId: spec.dagId, timezone: spec.timezone, alsoMissed },
    runId: null,
    at,
  };
}

/** A task waits for a person's word. */
export function approvalNews(
  { spec, run }: { readonly spec: DagSpec; readonly run: DagRun },
  approval: ApprovalFacts,
  at: Instant,
): News {
  const { taskId, mapIndex, tryNumber } = approval;
  return {
    kind: "approval_needed",
    key: `${run.runId}/${taskId}/${mapIndex}/${tryNumber}`,
    subject: `${spec.dagId} waits for your approval: ${taskId} (${dsOf(spec, run)})`,
    facts: { ...runFacts(spec, run), approval },
    runId: run.runId,
    at,
  };
}

/** So many runs in a row have failed that the engine has paused the DAG; `run`: the last of them. */
export function pauseNews(spec: DagSpec, run: DagRun, failedRuns: number, at: Instant): News {
  const count = failedRuns === 1 ? "its last run has failed" : `its last ${failedRuns} runs have failed`;
  return {
    kind: "dag_paused",
    key: `${spec.dagId}/${run.runId}/${run.endedAt ?? at}`,
    subject: `${spec.dagId} is paused: ${count}`,
    facts: { ...runFacts(spec, run), paused: { failedRuns } },
    runId: run.runId,
    at,
  };
}

/** A run has failed. Of one backfill only the first failure is told: whoever started it watches it, or asks for the rest. */
export function failureNews({ run, dag, nodes }: ActiveRun, at: Instant): News {
  const { spec } = dag.version;
  const failures = nodes.flatMap(({ task, attempt }, position) => {
    if (task.state !== "failed" || !attempt?.failure) return [];
    const { code, message } = attempt.failure;
    const taskId = dag.tasks[position]?.taskId ?? "";
    const logTail = (attempt.logTail ?? []).slice(-LOG_LINES);
    return [{ taskId, tryNumber: attempt.tryNumber, code, message, logTail, links: attempt.links ?? [] }];
  });
  const [first] = failures;
  const why = first ? `: ${first.taskId}: ${first.code}` : "";
  return {
    kind: "run_failed",
    key: run.backfillId === null ? `${run.runId}/${run.startedAt ?? run.queuedAt}` : `backfill/${run.backfillId}`,
    subject: `${spec.dagId} failed${why} (${dsOf(spec, run)})`,
    facts: { ...runFacts(spec, run), failures: failures.slice(0, MOST_FAILURES) },
    runId: run.runId,
    at,
  };
}
