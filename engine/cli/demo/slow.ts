import type { Config } from "../../config.ts";
import type { LoadedDag } from "../../core/dag.ts";
import { dagRunIdFor, runsForRange } from "../../core/schedule/runs.ts";
import { Zone, dayText } from "../../core/schedule/zone.ts";
import { costs } from "../../store/read-models/costs.ts";
import { listDeadlines } from "../../store/read-models/deadlines.ts";
import { runDetail } from "../../store/read-models/run-detail.ts";
import type { Session } from "../session.ts";
import { attemptLines, launchedTwice, mailLines, mailsOf, missingOf, oneMail, remoteJobs } from "./evidence.ts";
import { clockText, followRun } from "./follow-run.ts";
import type { DemoResult } from "./report.ts";
import { lineCounts, storeTotals } from "./results.ts";
import { sampleSales } from "./sample-sales.ts";
import { withScaledSystem } from "./scaled-system.ts";

/** What a demo on a faster clock found out. */
export interface Story {
  readonly result: DemoResult;
  /** What happened, for people. */
  readonly lines: readonly string[];
  /** What was to be shown and did not happen. */
  readonly missing: readonly string[];
}

const MINUTE_MS = 60_000;
/** A day in a minute: the night from 02:00 to past 06:00 takes about ten seconds. */
const FACTOR = 1440;
/** Before the night is due; local-aws and the engine take about a second to start. */
const LEAD_MS = 30 * MINUTE_MS;
const STORES = 10;
/**
 * The first try never ends and runs into its timeout of two hours; the second and the EMR step take an hour longer than
 * their work. That is past six o'clock, with an hour to spare before either runs into a timeout too.
 */
const FAULTS = [
  { operation: "Glue.StartJobRun", kind: "stall_run" },
  { operation: "Glue.StartJobRun", kind: "stall_run", ms: 60 * MINUTE_MS },
  { operation: "EMR.AddJobFlowSteps", kind: "stall_run", ms: 60 * MINUTE_MS },
];

/** The DAG's first scheduled night, by its own schedule, in which the work is too slow for the deadline. */
export async function slowNight(session: Session, config: Config, dag: LoadedDag, startedAt: number): Promise<Story> {
  const { spec } = dag;
  const ds = dayText(Zone.of(spec.timezone).wall(spec.startAt ?? Date.now()));
  const [night] = runsForRange(spec, ds, ds);
  if (night === undefined) throw new Error(`${spec.dagId} has no night on ${ds}`);
  const start = {
    dag,
    time: { factor: FACTOR, from: night.runAfterAt - LEAD_MS },
    plans: true,
    files: sampleSales({ nights: 1, firstDay: ds, stores: STORES }),
    faults: FAULTS,
  };
  return withScaledSystem(session, config, start, async (system) => {
    const { store, url, mailRoute } = system;
    const dagRunId = dagRunIdFor("scheduled", night.logicalAt);
    const followed = { dagId: spec.dagId, dagRunId, timezone: spec.timezone };
    await system.withEngine((engine) => followRun(session, store, engine, followed));
    const detail = await runDetail(store, spec.dagId, dagRunId);
    const isGreen = detail?.run.state === "success";
    const range = { from: ds, to: ds };
    const [mails, deadlines, jobs, cost, stores, counts] = await Promise.all([
      mailsOf(store),
      listDeadlines(store, { dagId: spec.dagId, states: ["met", "missed"] }),
      remoteJobs(url),
      costs(store, { dagId: spec.dagId }),
      isGreen ? storeTotals(url, range) : [],
      isGreen ? lineCounts(url, range) : { rejected: 0, duplicates: 0 },
    ]);
    const missed = deadlines.filter(({ dueAt, state }) => dueAt === night.runAfterAt && state === "missed");
    const tries = Math.max(0, ...(detail?.tasks ?? []).map(({ attempts }) => attempts.length));
    const endedAt = detail?.run.endedAt ?? null;
    const twice = launchedTwice(jobs);
    const checks = [
      { missing: "the schedule makes the night's run", isShown: detail !== null },
      { missing: `the night ends green: it is ${detail?.run.state ?? "not there"}`, isShown: isGreen },
      { missing: "a slow task is tried again", isShown: tries > 1 },
      { missing: "its deadline is missed", isShown: missed.length === spec.sla.length && missed.length > 0 },
      { missing: "the night ends late", isShown: missed.every(({ deadlineAt }) => (endedAt ?? 0) > deadlineAt) },
      { missing: `one remote job a launch key: twice ${twice.join(", ")}`, isShown: twice.length === 0 },
      oneMail(mails, "sla_missed"),
    ];
    const clock = (at: number): string => clockText(at, spec.timezone);
    return {
      result: {
        runs: detail === null ? [] : [{ ds, run: detail.run }],
        stores,
        ...counts,
        cost: { amount: cost.amount, currency: cost.currency ?? "USD" },
        sla: { rules: spec.sla, timezone: spec.timezone },
        mails: mails.map(({ kind, subject, to }) => ({ kind, subject, to })),
        budget: spec.budget,
        engine: system.spark,
        factor: system.factor,
        seconds: Math.round(performance.now() - startedAt) / 1000,
      },
      lines: [
        "",
        `Night      ${ds}, due ${clock(night.runAfterAt)} ${spec.timezone}, ended ${endedAt === null ? "not" : clock(endedAt)}: ${detail?.run.state ?? "never made"}`,
        ...(detail === null ? [] : attemptLines(detail, clock)),
        ...missed.map(({ rule, deadlineAt }) => `Missed     ${rule}, ${clock(deadlineAt)}`),
        ...mailLines(mails, mailRoute),
      ],
      missing: missingOf(checks),
    };
  });
}
