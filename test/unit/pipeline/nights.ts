import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DuckDBInstance, type Json } from "@duckdb/node-api";
import { openSqlRunner } from "../../../deploy/local-aws/runner/run-sql.ts";

export const BUCKET = "acme-sales";
const S3 = `s3://${BUCKET}`;
const SQL = new URL("../../../sql/jobs/", import.meta.url);
export type Row = Record<string, Json>;

export interface CleanOptions {
  readonly format?: string;
  readonly timezone?: string;
}

/** A bucket in a temporary folder, with the two jobs run over it as the DAG runs them. */
export interface Nights {
  readonly root: string;
  put(key: string, body: string | Uint8Array): Promise<void>;
  /** A night's lines as CSV. */
  putCsv(day: string, text: string): Promise<void>;
  clean(day: string, options?: CleanOptions): Promise<string[]>;
  aggregate(day: string, runId?: string): Promise<void>;
  /** Clean, aggregate, and merge into the mart as the warehouse does. */
  night(day: string, options?: { readonly runId?: string }): Promise<void>;
  /** Rows of the Parquet files below a key, in the order of their text. */
  rows(key: string, options?: { readonly columns?: string; readonly root?: string }): Promise<Row[]>;
  /** What the mart holds: one row per store and day, without run_id. */
  mart(): Promise<Row[]>;
  query(sql: string): Promise<Row[]>;
  /** Takes everything out of the bucket but the SQL. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

/** What the DAG's clean_sales passes. */
export function cleanArguments(day: string, { format = "csv", timezone = "America/New_York" }: CleanOptions = {}) {
  return {
    sql: `${S3}/sql/clean_sales.sql`,
    "input.sales": `${S3}/raw/sales/dt=${day}/?format=${format}`,
    "input.stores": `${S3}/raw/stores/?format=csv`,
    "output.clean": `${S3}/curated/sales/dt=${day}/?format=parquet`,
    "output.rejected": `${S3}/rejected/sales/dt=${day}/?format=parquet`,
    "output.summary": `${S3}/quality/sales/dt=${day}/?format=parquet&files=1`,
    "param.ds": day,
    "param.timezone": timezone,
    "param.late_days": "7",
  };
}

/** What the DAG's aggregate passes. */
export function aggregateArguments(day: string, runId = "run") {
  return {
    sql: `${S3}/sql/aggregate_sales.sql`,
    "input.curated": `${S3}/curated/sales/?format=parquet&partition=dt&from=${shift(day, -8)}&to=${shift(day, 8)}`,
    "output.store_sales": `${S3}/mart/store_sales/dt=${day}/?format=parquet&files=1`,
    "param.ds": day,
    "param.late_days": "7",
    "param.run_id": runId,
  };
}

export async function openNights(): Promise<Nights> {
  const root = await mkdtemp(join(tmpdir(), "nocturne-nights-"));
  const runner = await openSqlRunner();
  const reader = await (await DuckDBInstance.create(":memory:", { enable_external_file_cache: "false" })).connect();
  const mart = new Map<string, Row>();

  const put = async (key: string, body: string | Uint8Array) => {
    const path = join(root, BUCKET, key);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, body);
  };
  const query = async (sql: string) => (await reader.runAndReadAll(sql)).getRowObjectsJson();
  const rows: Nights["rows"] = (key, { columns = "*", root: other = root } = {}) =>
    query(
      `SELECT ${columns} FROM read_parquet('${other}/${BUCKET}/${key}**/*.parquet', hive_partitioning = false) ORDER BY ALL`,
    );
  const run = async (jobArguments: Record<string, string>) => {
    const lines: string[] = [];
    await runner.run({ arguments: jobArguments, s3Root: root, threads: 1 }, (line) => lines.push(line));
    return lines;
  };

  const clear = async () => {
    mart.clear();
    await rm(join(root, BUCKET), { recursive: true, force: true });
    for (const name of ["clean_sales", "aggregate_sales"]) {
      await put(`sql/${name}.sql`, await readFile(new URL(`${name}.sql`, SQL)));
    }
  };
  await clear();
  return {
    root,
    put,
    putCsv: (day, text) => put(`raw/sales/dt=${day}/sales.csv`, text),
    clean: (day, options) => run(cleanArguments(day, options)),
    async aggregate(day, runId) {
      await run(aggregateArguments(day, runId));
    },
    async night(day, { runId } = {}) {
      await run(cleanArguments(day));
      await run(aggregateArguments(day, runId));
      for (const { run_id: _, ...row } of await rows(`mart/store_sales/dt=${day}/`)) {
        mart.set(JSON.stringify([row["store_id"], row["sale_date"]]), row);
      }
    },
    rows,
    mart: async () => [...mart].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row),
    query,
    clear,
    async close() {
      runner.close();
      reader.closeSync();
      await rm(root, { recursive: true, force: true });
    },
  };
}

export function shift(day: string, by: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + by * 86_400_000).toISOString().slice(0, 10);
}
