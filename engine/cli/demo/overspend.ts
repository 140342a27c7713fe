import { randomUUID } from "node:crypto";
import { Decimal } from "decimal.js";
import type { Config } from "../../config.ts";
import type { DagSpec, LoadedDag } from "../../core/dag.ts";
import type { Instant } from "../../core/json.ts";
import { dagRunIdFor, dsOf, runsForRange } from "../../core/schedule/runs.ts";
import { DAY_MS, Zone, dayText } from "../../core/schedule/zone.ts";
import { enqueue } from "../../store/inbox.ts";
import { costs } from "../../store/read-models/costs.ts";
import { runDetail, type RunDetail } from "../../store/read-models/run-detail.ts";
import type { Store } from "../../store/open.ts";
import type { Session } from "../session.ts";
import { cents, groupDigits } from "../text/figures.ts";
import { table } from "../text/table.ts";
import {
  attemptLines,
  launchedTwice,
  mailLines,
  mailsOf,
  missingOf,
  oneMail,
  remoteJobs,
  remoteState,
} from "./evidence.ts";
import { clockText, followRun } from "./follow-run.ts";
import type { Story } from "./slow.ts";
import { withScaledSystem } from "./scaled-system.ts";

/** Ten minutes in a second: the budget is spent in a few. */
const FACTOR = 600;
const FAULTS = [{ operation: "Glue.StartJobRun", kind: "stall_run" }];

/** One run of a DAG whose Glue job does not end: its budget ends it. */
export async function overspend(session: Session, config: Config, dag: LoadedDag, startedAt: number): Promise<Story> {
  const { spec } = dag;
  const start = { dag, time: { factor: FACTOR }, plans: false, files: [], faults: FAULTS };
  return withScaledSystem(session, config, start, async (system) => {
    const { store, url, mailRoute } = system;
    const dagRunId = await system.withEngine(async (engine) => {
      const asked = await askForYesterday(store, spec, engine.now());
      await followRun(session, store, engine, { dagId: spec.dagId, dagRunId: asked, timezone: spec.timezone });
      return asked;
    });
    const detail = await runDetail(store, spec.dagId, dagRunId);
    const [mails, jobs, cost] = await Promise.all([
      mailsOf(store),
      remoteJobs(url),
      costs(store, { dagId: spec.dagId }),
    ]);
    const limit = spec.budget?.perRun ?? "0";
    const currency = cost.currency ?? spec.budget?.currency ?? "USD";
    const clock = (at: number): string => clockText(at, spec.timezone);
    const twice = launchedTwice(jobs);
    const checks = [
      { missing: "the run is made", isShown: detail !== null },
      { missing: "the run is failed by its budget", isShown: isEndedByBudget(detail) },
      // What runs is counted from its start, and Glue bills from when it is up: the bill may come out a little lower.
      { missing: "about the limit was spent", isShown: new Decimal(cost.amount).gt(new Decimal(limit).times(0.95)) },
      ...(detail === null ? [] : tasksEnded(detail, spec.tasks, jobs)),
      { missing: `one remote job a launch key: twice ${twice.join(", ")}`, isShown: twice.length === 0 },
      oneMail(mails, "budget_warning"),
      oneMail(mails, "budget_exceeded"),
    ];
    return {
      result: {
        runs: detail === null ? [] : [{ ds: dsOf(spec, detail.run), run: detail.run }],
        stores: [],
        rejected: 0,
        duplicates: 0,
        cost: { amount: cost.amount, currency },
        sla: { rules: spec.sla, timezone: spec.timezone },
        mails: mails.map(({ kind, subject, to }) => ({ kind, subject, to })),
        budget: spec.budget,
        engine: system.spark,
        factor: system.factor,
        seconds: Math.round(performance.now() - startedAt) / 1000,
      },
      lines: [
        ...(detail === null ? [] : ["", ...spentTable(detail, currency)]),
        "",
        `Budget     ${cents(cost.amount)} of ${limit} ${currency} spent; on exceeded: ${spec.budget?.onExceeded ?? "nothing"}`,
        ...(detail === null ? [] : attemptLines(detail, clock)),
        ...jobs.map(({ service, id, state }) => `           ${service} ${id.slice(0, 20)}: ${state}`),
        ...mailLines(mails, mailRoute),
      ],
      missing: missingOf(checks),
    };
  });
}

/** One run over the last day that is over; answers its id. */
async function askForYesterday(store: Store, spec: DagSpec, now: Instant): Promise<string> {
  const ds = dayText(Zone.of(spec.timezone).wall(now) - DAY_MS);
  const [day] = runsForRange(spec, ds, ds);
  if (day === undefined) throw new Error(`${spec.dagId} has no run on ${ds}`);
  const wish = { backfillId: randomUUID(), dagId: spec.dagId, fromDate: ds, toDate: ds };
  const options = { maxActiveRuns: 1, reprocess: "none", conf: {} } as const;
  await enqueue(store, { kind: "backfill", backfill: { ...wish, ...options }, by: "demo" });
  return dagRunIdFor("backfill", day.logicalAt);
}

function isEndedByBudget(detail: RunDetail | null): boolean {
  const codes = (detail?.tasks ?? []).flatMap(({ attempts }) => attempts.map(({ failure }) => failure?.code));
  return detail?.run.state === "failed" && detail.run.ending?.cause === "budget" && codes.includes("BUDGET_EXCEEDED");
}

/** Glue's job is stopped, the cluster is gone, and its teardown did that. */
function tasksEnded(detail: RunDetail, tasks: LoadedDag["spec"]["tasks"], jobs: Parameters<typeof remoteState>[2]) {
  return tasks.flatMap(({ taskId, operator, isSetup, teardownOf }) => {
    const state = remoteState(detail, taskId, jobs) ?? "not there";
    if (operator === "glue.job")
      return [{ missing: `${taskId} is STOPPED: it is ${state}`, isShown: state === "STOPPED" }];
    if (isSetup) return [{ missing: `${taskId} is TERMINATED: it is ${state}`, isShown: state === "TERMINATED" }];
    if (teardownOf.length === 0) return [];
    const ended = detail.tasks.find((task) => task.taskId === taskId)?.state ?? "none";
    return [{ missing: `the teardown ${taskId} succeeds: it is ${ended}`, isShown: ended === "success" }];
  });
}

/** What each task has spent, to the cent; the sum below is of the exact figures. */
function spentTable({ tasks }: RunDetail, currency: string): string[] {
  const right = "right" as const;
  const rows = tasks.flatMap(({ taskId, state, attempts }) =>
    attempts.flatMap(({ tryNumber, usage }) =>
      usage.map(({ quantity, unit, unitPrice, amount }) => [
        taskId,
        String(tryNumber),
        state,
        `${groupDigits(new Decimal(quantity).toFixed(2))} ${unit}`,
        unitPrice,
        `${groupDigits(cents(amount))} ${currency}`,
      ]),
    ),
  );
  const columns = [
    { title: "TASK" },
    { title: "TRY", side: right },
    { title: "STATE" },
    { title: "USED", side: right },
    { title: "PRICE", side: right },
    { title: "SPENT", side: right },
  ];
  return table(columns, rows);
}
