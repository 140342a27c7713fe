import { isTransition } from "../../engine/core/machine/transitions.ts";
import { isFinished, TASK_STATES, type TaskState } from "../../engine/core/states.ts";
import type { AttemptRow, Evidence, RunRow } from "./evidence.ts";
import type { Plan } from "./plan.ts";
import { expectedRun, type End, type ExpectedRun } from "./reference.ts";

/** Everything that is not as it must be, one sentence each; [] is what a seed is for. */
export function complaints(plan: Plan, evidence: Evidence): string[] {
  return [
    ...lost(plan, evidence),
    ...stuck(evidence),
    ...doubled(evidence),
    ...impossible(plan, evidence),
    ...(plan.certainty === "steered" ? [] : wrongEnds(plan, evidence)),
  ];
}

const nameOf = ({ dagRunId }: RunRow): string => dagRunId;
const ofRun = <Row extends { readonly runId: string }>(rows: readonly Row[], { runId }: RunRow): readonly Row[] =>
  rows.filter((row) => row.runId === runId);

/** Every day has its run, every run every task: but for one that was cancelled while it waited, and never had rows. */
function lost(plan: Plan, { runs, tasks }: Evidence): string[] {
  const cancels = plan.incidents.filter(({ kind }) => kind === "cancel").length;
  const bare = runs.filter((run) => !run.isStarted && run.state === "failed" && ofRun(tasks, run).length === 0);
  const neverBegan = new Set(bare.length <= cancels ? bare : []);
  const found = runs.filter(({ dagId }) => dagId === plan.main.id).map(({ day }) => day);
  const days =
    JSON.stringify([...found].sort()) === JSON.stringify(plan.days) ? [] : [`runs of ${found.join(", ") || "no day"}`];
  const missing = runs.flatMap((run) => {
    if (neverBegan.has(run)) return [];
    const there = new Set(ofRun(tasks, run).map(({ name }) => name));
    const dag = run.dagId === plan.main.id ? plan.main : plan.child;
    return (dag?.tasks ?? []).filter(({ id }) => !there.has(id)).map(({ id }) => `${nameOf(run)} has no row of ${id}`);
  });
  return [...days, ...missing];
}

/** Nothing is left to do, and nothing waits for what will not come. */
function stuck({ runs, tasks, attempts, commands, backfills, jobs }: Evidence): string[] {
  return [
    ...runs
      .filter(({ state }) => state === "queued" || state === "running")
      .map((run) => `${nameOf(run)} is ${run.state}`),
    ...runs
      .filter(({ quarantine }) => quarantine !== null)
      .map((run) => `${nameOf(run)} was put aside: ${run.quarantine}`),
    ...tasks
      .filter(({ state }) => !isFinished(state))
      .map(({ name, state, runId }) => `${name} of ${runId} is ${state}`),
    ...attempts
      .filter(({ owes }) => owes.length > 0)
      .map((attempt) => `${spoken(attempt)} still owes: ${attempt.owes.join(", ")}`),
    ...commands.filter(({ state }) => state === "pending").map(({ kind }) => `a command ${kind} is pending`),
    ...backfills.filter(({ state }) => state === "active").map(() => "the backfill is active"),
    ...jobs.filter(({ state }) => !isOver(state)).map(({ service, id, state }) => `${service} ${id} is ${state}`),
  ];
}

const spoken = ({ name, tryNumber, runId }: AttemptRow): string => `try ${tryNumber} of ${name} of ${runId}`;

const CANCELLED = new Set(["CANCELLED", "ABORTED", "STOPPED", "TERMINATED"]);
const OVER = new Set([
  ...CANCELLED,
  "SUCCEEDED",
  "FAILED",
  "FINISHED",
  "COMPLETED",
  "TIMEOUT",
  "ERROR",
  "TERMINATED_WITH_ERRORS",
]);
const isOver = (state: string): boolean => OVER.has(state);
const TOKENS: readonly string[] = ["athena.query", "redshift.sql"];
const REMOTE: readonly string[] = [...TOKENS, "glue.job", "emr.cluster", "emr.step"];

/** One remote job for each launch key (protocol rules 13 to 17), none without an intent, none that an attempt only dreamt of. */
function doubled({ attempts, jobs }: Evidence): string[] {
  const byKey = grouped(jobs, ({ launchKey }) => launchKey ?? "none");
  const known = new Map(attempts.map((attempt) => [attempt.launchKey, attempt]));
  const all = attempts.map(({ launchKey }) => launchKey);
  const reused = all.length === known.size ? [] : [`${all.length} attempts share ${known.size} launch keys`];
  const strangers = jobs.filter(({ launchKey }) => launchKey === null || !known.has(launchKey));
  return [
    ...reused,
    ...strangers.map(({ service, id, name, state }) => `${service} ${id} (${name}, ${state}) has no intent`),
    ...attempts
      .filter(({ operator }) => REMOTE.includes(operator))
      .flatMap((attempt) => {
        const own = byKey.get(attempt.launchKey) ?? [];
        // With a search for a token a job may come to light late; then it is cancelled (rule 17).
        const counted = TOKENS.includes(attempt.operator) ? own : own.filter(({ state }) => !CANCELLED.has(state));
        if (counted.length > 1)
          return [
            `${spoken(attempt)} has ${counted.length} jobs: ${own.map(({ id, state }) => `${id} ${state}`).join(", ")}`,
          ];
        return attempt.state === "succeeded" && own.length === 0 ? [`${spoken(attempt)} succeeded without a job`] : [];
      }),
  ];
}

/** From where one can come within one flush: several steps leave one net change. */
const reached = new Map<TaskState, ReadonlySet<TaskState>>(
  TASK_STATES.map((from) => {
    const found = new Set<TaskState>();
    for (const at of [from, ...found]) for (const to of TASK_STATES) if (isTransition(at, to)) found.add(to);
    for (const at of found) for (const to of TASK_STATES) if (isTransition(at, to)) found.add(to);
    return [from, found];
  }),
);

/** History is a chain of legal changes that leads to the row's state; without people nothing final ever moves again. */
function impossible(plan: Plan, { tasks, history, attempts }: Evidence): string[] {
  const told = grouped(
    history.filter(({ from, to }) => from !== to),
    ({ runId, name }) => `${runId}/${name}`,
  );
  const tries = grouped(attempts, ({ runId, name }) => `${runId}/${name}`);
  return tasks.flatMap(({ runId, name, state, tryNumber }) => {
    const chain = told.get(`${runId}/${name}`) ?? [];
    const numbers = (tries.get(`${runId}/${name}`) ?? []).map((attempt) => attempt.tryNumber);
    const breaks = chain.filter(({ from, to }, index) => {
      const before = chain[index - 1]?.to ?? "none";
      const isMoved = plan.certainty === "exact" && isFinished(from);
      return from !== before || isMoved || reached.get(from)?.has(to) !== true;
    });
    const last = chain.at(-1)?.to ?? "none";
    const isCounted = numbers.every((number, index) => number === index + 1) && numbers.length <= tryNumber;
    return [
      ...breaks.map(({ from, to }) => `history of ${name} of ${runId}: ${from} to ${to} in ${spelled(chain)}`),
      ...(last === state ? [] : [`history of ${name} of ${runId} ends in ${last}, its row is ${state}`]),
      ...(isCounted ? [] : [`${name} of ${runId} is at try ${tryNumber} with attempts ${numbers.join(", ")}`]),
    ];
  });
}

const spelled = (chain: readonly { readonly to: string }[]): string => chain.map(({ to }) => to).join(" ");

/** The end state is the one that the reference gives. */
function wrongEnds(plan: Plan, evidence: Evidence): string[] {
  const { runs, tasks, attempts } = evidence;
  const said = (run: RunRow) => (id: string) => ofRun(tasks, run).find(({ name }) => name === id)?.state;
  const childOf = (run: RunRow | undefined): ExpectedRun | null =>
    plan.child && expectedRun(plan.child, 0, { said: run ? said(run) : () => undefined, child: null });
  const anyChild = runs.find(({ dagId }) => dagId === plan.child?.id);
  const triggers = attempts.filter(({ operator }) => operator === "dag.trigger").length;
  const children = runs.filter(({ dagId }) => dagId === plan.child?.id);
  return [
    ...runs
      .filter(({ dagId }) => dagId === plan.main.id)
      .flatMap((run) =>
        differences(
          plan,
          run,
          evidence,
          expectedRun(plan.main, plan.days.indexOf(run.day ?? ""), { said: said(run), child: childOf(anyChild) }),
        ),
      ),
    ...(children.length === triggers ? [] : [`${triggers} tries to trigger made ${children.length} runs`]),
    // A clear ends the run that the task had triggered, wherever that is.
    ...(plan.certainty === "exact" ? children.flatMap((run) => differences(plan, run, evidence, childOf(run))) : []),
  ];
}

function differences(plan: Plan, run: RunRow, evidence: Evidence, expected: ExpectedRun | null): string[] {
  if (!expected) return [];
  const rows = ofRun(evidence.tasks, run).filter(({ state }) => state !== "removed");
  const extra = rows.filter(({ name }) => !expected.tasks.has(name));
  return [
    ...(run.state === expected.state ? [] : [`${nameOf(run)} is ${run.state}, not ${expected.state}`]),
    ...extra.map(({ name, state }) => `${nameOf(run)} has ${name} (${state}), which nothing asked for`),
    ...[...expected.tasks].flatMap(([name, end]) => {
      const row = rows.find((each) => each.name === name);
      if (row?.state !== end.state)
        return [`${name} of ${nameOf(run)} is ${row?.state ?? "not there"}, not ${end.state}`];
      return wrongTries(plan, run, evidence, name, end);
    }),
  ];
}

/** A clear gives a task all its tries again; else their number is told by the truth, and so is the number in its output. */
function wrongTries(plan: Plan, run: RunRow, { attempts, outputs }: Evidence, name: string, end: End): string[] {
  const tries = ofRun(attempts, run).filter((attempt) => attempt.name === name).length;
  const isRight = plan.certainty === "exact" ? tries === end.tries : tries >= end.tries;
  const newest = ofRun(outputs, run)
    .filter((output) => output.name === name)
    .sort((a, b) => b.tryNumber - a.tryNumber)[0];
  const value = end.value === null ? null : numberIn(newest?.output);
  return [
    ...(isRight ? [] : [`${name} of ${nameOf(run)} took ${tries} tries, not ${end.tries}`]),
    ...(value === end.value ? [] : [`${name} of ${nameOf(run)} says ${value}, not ${end.value}`]),
  ];
}

/** Both {n: 5} and {rows: [{n: "5"}]}. */
function numberIn(output: unknown): number {
  const { n, rows } = (output ?? {}) as { n?: unknown; rows?: readonly { n?: unknown }[] };
  return Number(n ?? rows?.[0]?.n);
}

function grouped<Row>(rows: readonly Row[], keyOf: (row: Row) => string): ReadonlyMap<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) groups.set(keyOf(row), [...(groups.get(keyOf(row)) ?? []), row]);
  return groups;
}
