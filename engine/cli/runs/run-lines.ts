import { ERRORS } from "../../core/errors.ts";
import { sumOf } from "../../core/pricing/amounts.ts";
import type { Ending } from "../../core/records.ts";
import { isoText } from "../../core/schedule/runs.ts";
import type { RunDetail, TaskDetail } from "../../store/read-models/run-detail.ts";
import type { RunSummary } from "../../store/read-models/runs.ts";
import { nameOf } from "../people/say.ts";
import { cents, spanText, timeText } from "../text/figures.ts";
import { table } from "../text/table.ts";
import type { Output } from "../output.ts";
import { shownTasks, type ShownTask } from "./shown-tasks.ts";

const SHOWN_LOG_LINES = 20;

const paint = (colors: Output["colors"], state: string): string =>
  state === "success" ? colors.green(state) : state === "failed" ? colors.red(state) : state;

const tookText = (startedAt: number | null, endedAt: number | null): string =>
  startedAt === null || endedAt === null ? "" : spanText(endedAt - startedAt);

/** A run for people: a line a task, then each attempt that failed, with what is known of it; of a task mapped over many only some. */
export function runLines({ run, tasks, budget, note }: RunDetail, colors: Output["colors"]): string[] {
  const head = [
    `${colors.bold(run.dagRunId)}  ${run.dagId}  ${paint(colors, run.state)}  ${tookText(run.startedAt, run.endedAt)}`.trimEnd(),
    `run ${run.runId}, ${run.runType}, queued ${timeText(run.queuedAt)}, started ${timeText(run.startedAt) || "not yet"}`,
    ...(run.ending === null ? [] : [endingText(run.ending)]),
    ...(budget === null ? [] : [`spent ${cents(spentOf(tasks))} of ${budget.perRun} ${budget.currency}`]),
    ...(run.quarantine === null ? [] : [colors.red(`put aside: ${run.quarantine}`)]),
    ...(note === null || note === undefined ? [] : [`note: ${note}`]),
    "",
  ];
  const columns = [
    { title: "TASK" },
    { title: "OPERATOR" },
    { title: "STATE" },
    { title: "TRY" },
    { title: "TOOK" },
    { title: "COST", side: "right" as const },
  ];
  const shown = shownTasks(tasks);
  const rows = shown.map(({ task, counts }) => [
    shownName(task),
    task.operator ?? "",
    paint(colors, task.state) + countsText(counts),
    task.tryNumber === 0 ? "" : String(task.tryNumber),
    tookText(task.startedAt, task.endedAt),
    task.attempts.some(({ usage }) => usage.length > 0) ? cents(spentOf([task])) : "",
  ]);
  const attempts = shown.flatMap(({ task, moreWrong }) => [
    ...attemptLines(task, colors),
    ...(moreWrong === 0
      ? []
      : ["", `${task.taskId}: ${moreWrong} more went wrong; \`nocturne tasks list ${run.dagRunId}\` has every one`]),
  ]);
  return [...head, ...table(columns, rows), ...attempts];
}

/** " (495 success, 5 skipped)": of the instances that have no line. */
const countsText = (counts: ShownTask["counts"]): string =>
  counts.length === 0 ? "" : ` (${counts.map(([state, count]) => `${count} ${state}`).join(", ")})`;

/** "load", or of an instance of a mapped task "load[1] store south". */
const shownName = (task: TaskDetail): string => `${nameOf(task)} ${task.label ?? ""}`.trimEnd();

/** Over all tries: what failed was paid for too. */
const spentOf = (tasks: readonly TaskDetail[]): string =>
  sumOf(tasks.flatMap(({ attempts }) => attempts.flatMap(({ usage }) => usage.map(({ amount }) => amount))));

const endingText = ({ by, cause, why }: Ending): string =>
  `ended by ${by}: ${cause}${why === undefined ? "" : `, ${why}`}`;

const isOpen = ({ state }: { readonly state: string }): boolean => state === "open" || state === "orphan";

function attemptLines(task: TaskDetail, colors: Output["colors"]): string[] {
  return task.attempts.flatMap((attempt) => {
    const { failure, logTail, links, ending, tryNumber } = attempt;
    if (failure === null && ending === null) return [];
    return [
      "",
      `${colors.bold(`${shownName(task)}, try ${tryNumber}`)}  launch ${attempt.launchKey}`,
      ...(failure === null ? [] : [`  ${colors.red(failure.code)} (${failure.class})  ${failure.message}`]),
      ...(failure === null ? [] : [`  ${ERRORS[failure.code]}`]),
      ...(ending === null ? [] : [`  ${endingText(ending)}`]),
      ...(ending !== null && isOpen(attempt)
        ? [`  ending since ${timeText(ending.at)}: AWS has not confirmed it`]
        : []),
      ...(attempt.state === "orphan"
        ? ["  an orphan: its task went on without it; it is watched and billed until it ends"]
        : []),
      ...(logTail ?? []).slice(-SHOWN_LOG_LINES).map((line) => colors.dim(`    | ${line}`)),
      ...(links ?? []).map(({ label, url }) => `  ${label}: ${url}`),
    ];
  });
}

/** A run for programs; instants in ISO 8601. */
export function runDocument({ run, tasks, budget, note = null }: RunDetail): object {
  return {
    ...runRow(run),
    conf: run.conf,
    quarantine: run.quarantine,
    note,
    ending: run.ending === null ? null : { ...run.ending, at: iso(run.ending.at) },
    budget: budget && {
      limit: budget.perRun,
      spent: spentOf(tasks),
      currency: budget.currency,
      level: run.budgetLevel,
    },
    tasks: tasks.map((task) => ({
      task_id: task.taskId,
      map_index: task.mapIndex,
      label: task.label,
      operator: task.operator,
      state: task.state === "none" ? null : task.state,
      try_number: task.tryNumber,
      started_at: iso(task.startedAt),
      ended_at: iso(task.endedAt),
      attempts: task.attempts.map((attempt) => ({
        try_number: attempt.tryNumber,
        state: attempt.state,
        launch_key: attempt.launchKey,
        ref: attempt.ref,
        submitted_at: iso(attempt.submittedAt),
        ended_at: iso(attempt.endedAt),
        failure: attempt.failure,
        log_tail: attempt.logTail ?? [],
        links: attempt.links ?? [],
        usage: attempt.usage.map(({ usageKind, quantity, unit, amount, currency }) => ({
          kind: usageKind,
          quantity,
          unit,
          amount,
          currency,
        })),
      })),
    })),
  };
}

/** A run as one row of a list for programs. */
export function runRow(run: Omit<RunSummary, "taskCounts" | "cost">): object {
  return {
    run_id: run.runId,
    dag_id: run.dagId,
    dag_run_id: run.dagRunId,
    run_type: run.runType,
    logical_date: run.logicalAt === null ? null : isoText(run.logicalAt),
    state: run.state,
    queued_at: iso(run.queuedAt),
    started_at: iso(run.startedAt),
    ended_at: iso(run.endedAt),
  };
}

const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
