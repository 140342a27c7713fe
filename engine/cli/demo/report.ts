import { Decimal } from "decimal.js";
import type { BudgetSpec, NotifyEvent, SlaRule } from "../../core/dag.ts";
import type { DagRun } from "../../core/records.ts";
import { isoText } from "../../core/schedule/runs.ts";
import { verdictByElapsed } from "../../core/sla/finish-by.ts";
import type { Output } from "../output.ts";
import { cents, costText, counted, groupDigits, spanText } from "../text/figures.ts";
import { table } from "../text/table.ts";

/** One store's totals over the range; money is text with two decimals. */
export interface StoreTotals {
  readonly store_id: string;
  readonly transactions: number;
  readonly units: number;
  readonly gross_sales: string;
  readonly net_sales: string;
}

/** What the report shows of a run. */
type Night = Pick<
  DagRun,
  "dagRunId" | "runType" | "logicalAt" | "runAfterAt" | "state" | "startedAt" | "endedAt" | "ending"
>;

/** All that the demo found out. */
export interface DemoResult {
  readonly runs: readonly { readonly ds: string; readonly run: Night }[];
  readonly stores: readonly StoreTotals[];
  readonly rejected: number;
  readonly duplicates: number;
  readonly cost: { readonly amount: string; readonly currency: string };
  readonly sla: { readonly rules: readonly SlaRule[]; readonly timezone: string };
  /** Oldest first. */
  readonly mails: readonly { readonly kind: NotifyEvent; readonly subject: string; readonly to: string }[];
  /** The DAG's; null: it has none. */
  readonly budget: BudgetSpec | null;
  /** How much faster than the wall's the clock ran, by which the runs were timed and billed. */
  readonly factor: number;
  /** What really ran the jobs: "DuckDB". */
  readonly engine: string;
  readonly seconds: number;
}

interface Verdict {
  readonly ds: string;
  readonly rule: string;
  readonly finishAt: number;
  readonly met: boolean;
}

const secondsOf = ({ startedAt, endedAt }: Night): number =>
  startedAt === null || endedAt === null ? 0 : (endedAt - startedAt) / 1000;

/**
 * Each finished night against each finish_by; a failed night never finished and misses. A night that ran by its schedule
 * is judged by when it ended, any other as if it had started when it was due.
 */
export function verdictsOf({ runs, sla }: Pick<DemoResult, "runs" | "sla">): Verdict[] {
  return runs.flatMap(({ ds, run }) =>
    sla.rules.map((rule) => {
      const { runAfterAt: dueAt, endedAt } = run;
      const startedAt = isByClock(run) ? dueAt : (run.startedAt ?? dueAt);
      const verdict = verdictByElapsed(rule, { dueAt, startedAt, endedAt: endedAt ?? dueAt }, sla.timezone);
      return { ds, rule: rule.name, finishAt: verdict.finishAt, met: verdict.met && run.state === "success" };
    }),
  );
}

const isByClock = (run: Night): boolean => run.runType === "scheduled";

/** The document of `demo --json`. */
export function demoDocument(result: DemoResult): object {
  const verdicts = verdictsOf(result);
  const met = verdicts.filter((verdict) => verdict.met).length;
  return {
    runs: result.runs.map(({ run }) => ({
      dag_run_id: run.dagRunId,
      logical_date: run.logicalAt === null ? null : isoText(run.logicalAt),
      state: run.state,
      seconds: secondsOf(run),
    })),
    stores: result.stores,
    rejected: result.rejected,
    duplicates: result.duplicates,
    cost: { ...result.cost, amount: cents(result.cost.amount) },
    sla: { met, missed: verdicts.length - met },
    engine: result.engine,
    seconds: result.seconds,
    mails: result.mails,
    budget: {
      limit: result.budget === null ? null : new Decimal(result.budget.perRun).toFixed(),
      spent: new Decimal(result.cost.amount).toFixed(),
      currency: result.cost.currency,
      stopped: result.runs.some(({ run }) => run.ending?.cause === "budget"),
    },
  };
}

/** The lines for people: a table per store, the figures below it, and where to look next (`hint`: a command to type). */
export function demoLines(result: DemoResult, colors: Output["colors"], hint: (command: string) => string): string[] {
  const right = "right" as const;
  const columns = [
    { title: "STORE" },
    { title: "TRANSACTIONS", side: right },
    { title: "UNITS", side: right },
    { title: "GROSS SALES", side: right },
    { title: "NET SALES", side: right },
  ];
  const [titles = "", ...rows] = table(
    columns,
    result.stores.map((store) => [
      store.store_id,
      groupDigits(String(store.transactions)),
      groupDigits(String(store.units)),
      groupDigits(store.gross_sales),
      groupDigits(store.net_sales),
    ]),
  );
  const failed = result.runs.filter(({ run }) => run.state === "failed");
  return [
    ...(rows.length === 0 ? [] : ["", colors.bold(titles), ...rows]),
    "",
    `Lines      ${counted(result.rejected, "line")} rejected, ${counted(result.duplicates, "duplicate")} left out`,
    `Cost       ${costText(result.cost)}, ${paceText(result.factor)}`,
    ...slaLines(result, colors),
    ...endLines(result, "night"),
    ...failed.map(({ ds, run }) => colors.red(`Failed     ${ds}: ${hint(`runs show ${run.dagRunId}`)}`)),
    "",
    `Look on with:  ${hint("runs list")}`,
    `               ${hint(`runs show ${result.runs.at(-1)?.run.dagRunId ?? "RUN"}`)}`,
    `               ${hint("dags show nightly_store_sales")}`,
  ];
}

/** The last lines of a story that has no table of stores. */
export const storyLines = (result: DemoResult, hint: (command: string) => string): string[] => [
  ...endLines(result, "run"),
  "",
  `Look on with:  ${hint("runs list")}`,
  ...result.runs.map(({ run }) => `               ${hint(`runs show ${run.dagRunId}`)}`),
];

/** What the figures were taken on, and in what time. */
const endLines = ({ engine, seconds, runs }: DemoResult, noun: string): string[] => [
  `Ran on     LOCAL (${engine}); on AWS the same DAG runs on Glue, EMR, Redshift and Athena`,
  `Time       ${spanText(seconds * 1000)} for ${counted(runs.length, noun)}`,
];

/** By which durations the costs were counted. */
const paceText = (factor: number): string =>
  factor === 1
    ? "at local durations with AWS's minimum charges"
    : `at durations on a clock ${groupDigits(String(factor))} times as fast, with AWS's prices`;

/** One line a night for up to a month of nights; of more, only those that missed. */
function slaLines(result: DemoResult, colors: Output["colors"]): string[] {
  const verdicts = verdictsOf(result);
  const missed = verdicts.filter(({ met }) => !met);
  const isPretended = !result.runs.every(({ run }) => isByClock(run));
  const shown = verdicts.length <= 31 ? verdicts : missed;
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: result.sla.timezone, timeStyle: "medium" });
  return [
    `SLA        ${verdicts.length - missed.length} of ${verdicts.length} met${isPretended ? " (due time plus own elapsed time)" : ""}`,
    ...shown.map(({ ds, rule, finishAt, met }) => {
      const word = met ? colors.green("met   ") : colors.red("missed");
      return `           ${ds}  ${rule}  ${word}  at ${clock.format(finishAt)}`;
    }),
  ];
}
