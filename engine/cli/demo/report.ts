import type { SlaRule } from "../../core/dag.ts";
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
type Night = Pick<DagRun, "dagRunId" | "logicalAt" | "runAfterAt" | "state" | "startedAt" | "endedAt">;

/** All that the demo found out. */
export interface DemoResult {
  readonly runs: readonly { readonly ds: string; readonly run: Night }[];
  readonly stores: readonly StoreTotals[];
  readonly rejected: number;
  readonly duplicates: number;
  readonly cost: { readonly amount: string; readonly currency: string };
  readonly sla: { readonly rules: readonly SlaRule[]; readonly timezone: string };
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

/** Each finished night against each finish_by; a failed night never finished and misses. */
export function verdictsOf({ runs, sla }: Pick<DemoResult, "runs" | "sla">): Verdict[] {
  return runs.flatMap(({ ds, run }) =>
    sla.rules.map((rule) => {
      const { runAfterAt: dueAt, startedAt, endedAt } = run;
      const verdict = verdictByElapsed(
        rule,
        { dueAt, startedAt: startedAt ?? dueAt, endedAt: endedAt ?? dueAt },
        sla.timezone,
      );
      return { ds, rule: rule.name, finishAt: verdict.finishAt, met: verdict.met && run.state === "success" };
    }),
  );
}

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
    `Cost       ${costText(result.cost)}, at local durations with AWS's minimum charges`,
    ...slaLines(result, colors),
    `Ran on     LOCAL (${result.engine}); on AWS the same DAG runs on Glue, EMR, Redshift and Athena`,
    `Time       ${spanText(result.seconds * 1000)} for ${counted(result.runs.length, "night")}`,
    ...failed.map(({ ds, run }) => colors.red(`Failed     ${ds}: ${hint(`runs show ${run.dagRunId}`)}`)),
    "",
    `Look on with:  ${hint("runs list")}`,
    `               ${hint(`runs show ${result.runs.at(-1)?.run.dagRunId ?? "RUN"}`)}`,
    `               ${hint("dags show nightly_store_sales")}`,
  ];
}

/** One line a night for up to a month of nights; of more, only those that missed. */
function slaLines(result: DemoResult, colors: Output["colors"]): string[] {
  const verdicts = verdictsOf(result);
  const missed = verdicts.filter(({ met }) => !met);
  const shown = verdicts.length <= 31 ? verdicts : missed;
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: result.sla.timezone, timeStyle: "medium" });
  return [
    `SLA        ${verdicts.length - missed.length} of ${verdicts.length} met (due time plus own elapsed time)`,
    ...shown.map(({ ds, rule, finishAt, met }) => {
      const word = met ? colors.green("met   ") : colors.red("missed");
      return `           ${ds}  ${rule}  ${word}  at ${clock.format(finishAt)}`;
    }),
  ];
}
