import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { DuckDBInstance } from "@duckdb/node-api";
import { lineCounts, storeTotals } from "../../engine/cli/demo/results.ts";
import { startPostgres } from "../../engine/local/embedded-postgres.ts";
import { startLocalAws } from "../../engine/local/local-aws.ts";
import { packageRoot } from "../../engine/local/package-root.ts";
import { openStore } from "../../engine/store/open.ts";
import { cpuOf } from "./cpu.ts";
import { figure, type Benchmark, type Figure, type Telling } from "./figures.ts";
import { runDirectly, type DirectRun } from "./pipeline-10m-direct.ts";
import { DAY, writeSales } from "./pipeline-10m-sales.ts";

const FLEET = "bench";
const LINES = Number(process.env["NOCTURNE_BENCH_LINES"] ?? 10_000_000);
const RANGE = { from: "2000-01-01", to: "2099-12-31" };

interface PipelineRun {
  readonly seconds: number;
  readonly steps: readonly { readonly task_id: string; readonly seconds: number }[];
}

/** Runs the night by the command that a person would type, and answers the run's own times. */
async function runPipeline(home: string, databaseUrl: string): Promise<PipelineRun> {
  const words = ["backfill", "nightly_store_sales", "--from", DAY, "--to", DAY, "--aws", "local", "--fleet", FLEET];
  const program = join(packageRoot(), "bin/nocturne.js");
  const child = spawn(process.execPath, [program, ...words, "--home", home, "--database-url", databaseUrl, "--json"], {
    cwd: packageRoot(),
    stdio: ["ignore", "ignore", "inherit"],
  });
  const code = await new Promise((done) => child.once("close", done));
  if (code !== 0) throw new Error(`the night ended with exit code ${String(code)}`);
  const store = await openStore({ databaseUrl, fleet: FLEET, applicationName: "bench" });
  try {
    const { rows } = await store.pool.query<{ seconds: number }>(
      "SELECT extract(epoch FROM ended_at - started_at)::float8 AS seconds FROM dag_run",
    );
    const { rows: steps } = await store.pool.query<{ task_id: string; seconds: number }>(
      `SELECT task_id, extract(epoch FROM ended_at - started_at)::float8 AS seconds
       FROM task_instance JOIN dag_task USING (task_no) WHERE started_at IS NOT NULL ORDER BY started_at`,
    );
    return { seconds: rows[0]?.seconds ?? NaN, steps };
  } finally {
    await store.close();
  }
}

/** Both were given the same lines: a store that differs by a cent ends the benchmark. */
function compare(direct: DirectRun, stores: readonly object[], counts: { rejected: number; duplicates: number }): void {
  const differing = stores.findIndex((store, index) => !isDeepStrictEqual({ ...store }, { ...direct.stores[index] }));
  if (differing >= 0 || stores.length !== direct.stores.length) {
    const pair = [stores[differing], direct.stores[differing]];
    throw new Error(`the pipeline and the direct run differ: ${JSON.stringify(pair)}`);
  }
  if (counts.rejected !== direct.rejected || counts.duplicates !== direct.duplicates) {
    throw new Error(
      `the pipeline counts ${JSON.stringify(counts)}, the direct run ${direct.rejected}, ${direct.duplicates}`,
    );
  }
}

async function measure(home: string, tell: Telling): Promise<readonly Figure[]> {
  const bucket = join(home, "local-aws/s3/acme-sales");
  const threads = availableParallelism();
  mkdirSync(bucket, { recursive: true });
  tell.setting("lines", String(LINES));
  tell.setting("threads", String(threads));
  tell.progress(`writing ${LINES} raw lines`);
  const instance = await DuckDBInstance.create(":memory:");
  await writeSales(await instance.connect(), bucket, LINES);
  instance.closeSync();

  const postgres = await startPostgres({ home });
  const aws = await startLocalAws({ home });
  try {
    tell.progress("the night through the pipeline");
    const cpuBefore = cpuOf(aws.pid);
    const pipeline = await runPipeline(home, postgres.url);
    const cpu = cpuOf(aws.pid) - cpuBefore;
    const stores = await storeTotals(aws.url, RANGE);
    const counts = await lineCounts(aws.url, RANGE);
    tell.progress("the same statements in one DuckDB");
    const used = process.cpuUsage();
    const direct = await runDirectly(bucket, join(home, "direct"), threads);
    const { user, system } = process.cpuUsage(used);
    compare(direct, stores, counts);
    return [
      figure("night of the pipeline, start to end", pipeline.seconds, "s", {
        target: "x1.3",
        reference: direct.seconds,
      }),
      figure("CPU of local-aws and its runners", cpu, "s", { reference: (user + system) / 1e6 }),
      ...pipeline.steps.map(({ task_id, seconds }) => {
        const reference = direct.steps.get(task_id);
        return figure(`  ${task_id}`, seconds, "s", reference === undefined ? {} : { reference });
      }),
      figure("the same in one DuckDB", direct.seconds, "s"),
      ...[...direct.steps].map(([name, seconds]) => figure(`  ${name}`, seconds, "s")),
    ];
  } finally {
    await aws.stop();
    await postgres.stop();
  }
}

export const pipeline10m: Benchmark = {
  name: "pipeline-10m",
  summary:
    "ten million sale lines through the nightly pipeline on local-aws; beside it the same statements in one DuckDB",
  async run(tell) {
    const home = mkdtempSync(join(tmpdir(), "nocturne-bench-"));
    try {
      return await measure(home, tell);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  },
};
