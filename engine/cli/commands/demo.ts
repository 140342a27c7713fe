import { randomUUID } from "node:crypto";
import { join, relative, resolve } from "node:path";
import { withLocalAws, type Config } from "../../config.ts";
import { NocturneError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import { dsOf } from "../../core/schedule/runs.ts";
import { costs } from "../../store/read-models/costs.ts";
import { checkRange, rangeOf } from "../backfill/plan.ts";
import { runBackfill } from "../backfill/run.ts";
import { parseColumns } from "../demo/column-map.ts";
import { DEMO_BUCKETS, DEMO_FLEET, freshDatabase, freshLocalAws, takeHome, writeSettings } from "../demo/home.ts";
import { days, type RawFile } from "../demo/raw-file.ts";
import { demoDocument, demoLines, storyLines, type DemoResult } from "../demo/report.ts";
import { lineCounts, storeTotals } from "../demo/results.ts";
import { sampleSales } from "../demo/sample-sales.ts";
import { checkCsv, stageCsv } from "../demo/stage-csv.ts";
import { upload } from "../demo/upload.ts";
import { EXIT } from "../exit-codes.ts";
import { findDag } from "../read-dags.ts";
import { lookAt, withStore, type Session } from "../session.ts";
import { mailsOf } from "../demo/evidence.ts";
import { counted } from "../text/figures.ts";

interface DemoOptions {
  readonly nights: number;
  readonly sales?: string;
  readonly columns?: string;
  readonly from?: string;
  readonly to?: string;
  readonly maxRejected?: number;
  readonly slow?: boolean;
  readonly overspend?: boolean;
}

/** What the demo runs on: the nights, their raw files, and how many nights side by side. */
interface Work {
  readonly from: string;
  readonly to: string;
  readonly files: Iterable<RawFile> | AsyncIterable<RawFile>;
  readonly maxActiveRuns: number;
  readonly conf: JsonObject;
}

const DAG = "nightly_store_sales";
const RUNAWAY = "runaway_glue";
/** Nights that are over wherever the clock stands, away from any change of the clocks. */
const FIRST_NIGHT = "2025-01-06";
/** Generated sales have late lines, which nights share: one night after the other. Someone's own file has none. */
const SIDE_BY_SIDE = { generated: 1, own: 4 } as const;

/** `demo`: the whole product on this machine, from raw files to the table per store. */
export async function demo(session: Session, _args: readonly string[], options: DemoOptions): Promise<number> {
  const startedAt = performance.now();
  const story = options.slow === true ? "slow" : options.overspend === true ? "overspend" : null;
  const work = await workOf(options, session.cwd);
  const home = resolve(session.cwd, session.flags.home ?? join(".nocturne", "demo"));
  const lock = await takeHome(home);
  try {
    await writeSettings(home);
    if (story !== null) return await tell(session, home, story, startedAt);
    const result = await runDemo(session, home, work, startedAt);
    for (const line of demoLines(result, session.out.colors, hintOf(session, home))) session.out.print(line);
    session.out.document(demoDocument(result));
    return result.runs.every(({ run }) => run.state === "success") ? EXIT.done : EXIT.failed;
  } finally {
    await lock.release();
  }
}

async function runDemo(session: Session, home: string, work: Work, startedAt: number): Promise<DemoResult> {
  const { out } = session;
  const config = await demoConfig(session, home);
  const dag = await findDag(session, config, DAG);
  rangeOf(dag.spec, work.from, work.to);
  out.progress("Setting up Postgres and local-aws, laying down the raw sales files");
  const [database, local] = await Promise.allSettled([
    freshDatabase(home, config.databaseUrl),
    freshLocalAws(home).then(async (aws) => {
      try {
        return { aws, files: await upload(aws.url, DEMO_BUCKETS, work.files, session.interrupted) };
      } catch (error) {
        await aws.stop();
        throw error;
      }
    }),
  ]);
  try {
    if (database.status === "rejected") throw database.reason;
    if (local.status === "rejected") throw local.reason;
    const { url, engine } = local.value.aws;
    out.progress(`${counted(local.value.files, "raw file")} in s3://${DEMO_BUCKETS[0]}, LOCAL at ${url}`);
    const here = withLocalAws({ ...config, databaseUrl: database.value.url }, url);
    return await withStore(session, here, async (store) => {
      const { from: fromDate, to: toDate, maxActiveRuns, conf } = work;
      const range = { backfillId: randomUUID(), dagId: DAG, fromDate, toDate, maxActiveRuns };
      const wish = { ...range, conf, reprocess: "none" } as const;
      const runs = await runBackfill(session, here, store, { dag, wish, carriedOn: [], onlyCarryOn: false });
      const failed = runs.some(({ state }) => state === "failed");
      const [stores, lines, cost] = await Promise.all([
        // A night that failed may have left no mart to ask.
        storeTotals(url, work).catch((error: unknown) => (failed ? [] : Promise.reject(error as Error))),
        lineCounts(url, work).catch((error: unknown) =>
          failed ? { rejected: 0, duplicates: 0 } : Promise.reject(error as Error),
        ),
        costs(store, { dagId: DAG }),
      ]);
      return {
        runs: runs.map((run) => ({ ds: dsOf(dag.spec, { ...run, intervalStartAt: run.logicalAt }), run })),
        stores,
        ...lines,
        cost: { amount: cost.amount, currency: cost.currency ?? "USD" },
        sla: { rules: dag.spec.sla, timezone: dag.spec.timezone },
        mails: (await mailsOf(store)).map(({ kind, subject, to }) => ({ kind, subject, to })),
        budget: dag.spec.budget,
        engine,
        factor: 1,
        seconds: Math.round(performance.now() - startedAt) / 1000,
      };
    });
  } finally {
    if (local.status === "fulfilled") await local.value.aws.stop();
    if (database.status === "fulfilled") await database.value.stop();
  }
}

/** The demo's own settings: no other fleet, no other home, never AWS itself, and the clock that its story needs. */
async function demoConfig(session: Session, home: string): Promise<Config> {
  const own = { home, config: join(home, "nocturne.yaml"), fleet: DEMO_FLEET, aws: "local" };
  return { ...(await session.config(own)), time: null };
}

/** Commands as they work where one stands. */
function hintOf(session: Session, home: string): (command: string) => string {
  const shortHome = relative(session.cwd, home) || ".";
  return (command) => lookAt(session, command, shortHome.startsWith("..") ? home : shortHome);
}

/** A story on a faster clock. Exit code 0: all of it happened. */
async function tell(session: Session, home: string, story: "slow" | "overspend", startedAt: number): Promise<number> {
  const { out } = session;
  const config = await demoConfig(session, home);
  const isSlow = story === "slow";
  const dag = await findDag(session, config, isSlow ? DAG : RUNAWAY);
  const { result, lines, missing } = isSlow
    ? await (await import("../demo/slow.ts")).slowNight(session, config, dag, startedAt)
    : await (await import("../demo/overspend.ts")).overspend(session, config, dag, startedAt);
  const hint = hintOf(session, home);
  for (const line of lines) out.print(line);
  for (const line of isSlow ? demoLines(result, out.colors, hint) : storyLines(result, hint)) out.print(line);
  for (const line of missing) out.progress(out.colors.red(`Not shown: ${line}`));
  out.document(demoDocument(result));
  return missing.length === 0 ? EXIT.done : EXIT.failed;
}

async function workOf(options: DemoOptions, cwd: string): Promise<Work> {
  const { sales, columns, from, to, nights, maxRejected } = options;
  const conf: JsonObject = maxRejected === undefined ? {} : { max_rejected: maxRejected };
  if (sales === undefined) {
    for (const [name, value] of Object.entries({ columns, from, to })) {
      if (value !== undefined) throw usage(`--${name} goes with --sales FILE`);
    }
    const dates = days(FIRST_NIGHT, nights);
    const files = sampleSales({ nights, firstDay: FIRST_NIGHT });
    return { from: FIRST_NIGHT, to: dates.at(-1) ?? FIRST_NIGHT, files, maxActiveRuns: SIDE_BY_SIDE.generated, conf };
  }
  if (columns === undefined || from === undefined || to === undefined) {
    throw usage("--sales FILE also needs --columns, --from and --to");
  }
  const csv = { file: resolve(cwd, sales), columns: parseColumns(columns), from, to };
  checkRange(from, to);
  await checkCsv(csv);
  return { from, to, files: stageCsv(csv), maxActiveRuns: SIDE_BY_SIDE.own, conf };
}

const usage = (message: string): NocturneError => new NocturneError({ code: "USAGE", message });
