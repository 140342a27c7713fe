import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DuckDBInstance, type DuckDBConnection } from "@duckdb/node-api";
import { readSqlFile } from "../../deploy/local-aws/runner/sql-file.ts";
import { packageRoot } from "../../engine/local/package-root.ts";
import { DAY } from "./pipeline-10m-sales.ts";

/** What the mart holds of a store, as the pipeline's own is read. */
export interface StoreSum {
  readonly store_id: string;
  readonly transactions: number;
  readonly units: number;
  readonly gross_sales: string;
  readonly net_sales: string;
}

export interface DirectRun {
  readonly seconds: number;
  /** By the pipeline's names of the tasks that do the same. */
  readonly steps: ReadonlyMap<string, number>;
  readonly stores: readonly StoreSum[];
  readonly rejected: number;
  readonly duplicates: number;
}

const LATE_DAYS = 7;
const sqlOf = (name: string): Promise<string> => readFile(join(packageRoot(), "sql", name), "utf8");
const dayPlus = (count: number): string =>
  new Date(Date.parse(DAY) + count * 86_400_000).toISOString().slice(0, DAY.length);

/** The functions that sql/jobs takes from Spark. */
const SPARK_FUNCTIONS = [
  "CREATE MACRO regexp_like(text, pattern) AS regexp_matches(text, pattern)",
  "CREATE MACRO from_utc_timestamp(utc, zone) AS timezone(zone, timezone('UTC', utc))",
];

/** The statements of a night as a person would hand them to one DuckDB: the same files in, the same files and mart out. */
export async function runDirectly(bucket: string, out: string, threads: number): Promise<DirectRun> {
  await mkdir(out, { recursive: true });
  const steps = new Map<string, number>();
  const startedAt = performance.now();
  const instance = await DuckDBInstance.create(":memory:", { threads: String(threads) });
  const connection = await instance.connect();
  const timed = async (name: string, body: () => Promise<void>): Promise<void> => {
    const from = performance.now();
    await body();
    steps.set(name, (performance.now() - from) / 1000);
  };
  try {
    await connection.run("SET GLOBAL TimeZone = 'UTC'");
    await connection.run(`SET temp_directory = '${join(out, "spilled")}'`);
    for (const statement of SPARK_FUNCTIONS) await connection.run(statement);
    await timed("prepare_warehouse", () => prepareWarehouse(connection, out));
    await timed("clean_sales", () => clean(connection, bucket, out));
    await timed("aggregate", () => aggregate(connection, out));
    await timed("merge", () => merge(connection, out));
    await timed("reconcile", () => reconcile(connection));
    const seconds = (performance.now() - startedAt) / 1000;
    const stores = await rowsOf<StoreSum>(
      connection,
      `SELECT store_id, SUM(transactions) AS transactions, SUM(units) AS units,
         CAST(SUM(gross_sales) AS DECIMAL(18, 2)) AS gross_sales, CAST(SUM(net_sales) AS DECIMAL(18, 2)) AS net_sales
       FROM warehouse.mart.store_sales GROUP BY store_id ORDER BY store_id`,
    );
    const [counts] = await rowsOf<{ rejected_lines: number; duplicate_lines: number }>(
      connection,
      `SELECT rejected_lines, duplicate_lines FROM '${join(out, "summary.parquet")}'`,
    );
    return {
      seconds,
      steps,
      stores: stores.map((row) => ({ ...row, transactions: Number(row.transactions), units: Number(row.units) })),
      rejected: Number(counts?.rejected_lines),
      duplicates: Number(counts?.duplicate_lines),
    };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function rowsOf<T>(connection: DuckDBConnection, sql: string): Promise<T[]> {
  return (await connection.runAndReadAll(sql)).getRowObjectsJson() as unknown as T[];
}

async function prepareWarehouse(connection: DuckDBConnection, out: string): Promise<void> {
  await connection.run(`ATTACH '${join(out, "warehouse.duckdb")}' AS warehouse`);
  await connection.run("SET search_path = 'warehouse.main,memory.main'");
  // Where rows lie is Redshift's matter: one process has no distribution.
  await connection.run(
    (await sqlOf("warehouse/tables.sql")).replaceAll(/^(DISTKEY|SORTKEY) .*$/gm, (line) =>
      line.endsWith(";") ? ";" : "",
    ),
  );
  await connection.run("CREATE TABLE stage.night AS FROM mart.store_sales LIMIT 0");
}

async function clean(connection: DuckDBConnection, bucket: string, out: string): Promise<void> {
  const raw = join(bucket, `raw/sales/dt=${DAY}/*.csv.gz`);
  await connection.run(`CREATE TEMP TABLE sales AS FROM read_csv('${raw}', all_varchar = true)`);
  await connection.run(
    `CREATE TEMP TABLE stores AS FROM read_csv('${bucket}/raw/stores/stores.csv', all_varchar = true)`,
  );
  await job(connection, "jobs/clean_sales.sql", { timezone: "America/New_York" }, out);
}

async function aggregate(connection: DuckDBConnection, out: string): Promise<void> {
  await connection.run(
    `CREATE OR REPLACE TEMP VIEW curated AS SELECT *, '${DAY}' AS dt FROM '${join(out, "clean.parquet")}'`,
  );
  await job(connection, "jobs/aggregate_sales.sql", { run_id: "direct" }, out);
}

/** A file of sql/jobs: its params, its statements, and each output as a file. */
async function job(
  connection: DuckDBConnection,
  file: string,
  more: Readonly<Record<string, string>>,
  out: string,
): Promise<void> {
  const { statements, keep, outputs } = readSqlFile(await sqlOf(file));
  const params = Object.entries({ ds: DAY, late_days: String(LATE_DAYS), ...more });
  const values = params.map(([name, value]) => `'${value}' AS ${name}`).join(", ");
  await connection.run(`CREATE OR REPLACE TEMP TABLE params AS SELECT ${values}`);
  for (const statement of statements) {
    const kept = keep.some((name) => statement.startsWith(`CREATE OR REPLACE TEMP VIEW ${name} AS`));
    await connection.run(kept ? statement.replace("TEMP VIEW", "TEMP TABLE") : statement);
  }
  for (const name of outputs) {
    await connection.run(`COPY (FROM ${name}) TO '${join(out, `${name}.parquet`)}' (FORMAT parquet)`);
  }
}

async function merge(connection: DuckDBConnection, out: string): Promise<void> {
  await connection.run(`INSERT INTO stage.night FROM '${join(out, "store_sales.parquet")}'`);
  await connection.run(`
    MERGE INTO mart.store_sales USING stage.night
    ON mart.store_sales.store_id = stage.night.store_id AND mart.store_sales.sale_date = stage.night.sale_date
    WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT`);
}

/** The same figure twice, as in the pipeline: throws when the lines and the mart differ. */
async function reconcile(connection: DuckDBConnection): Promise<void> {
  const values = { ds: DAY, first: dayPlus(-LATE_DAYS - 1), last: dayPlus(LATE_DAYS + 1) };
  const text = (await sqlOf("checks/curated_net_sales.sql")).replaceAll(
    /\$\{(\w+)\}/g,
    (_, name: string) => values[name as keyof typeof values],
  );
  await connection.run("CREATE OR REPLACE TEMP VIEW curated_sales AS FROM curated");
  const [lines] = await rowsOf<{ net_sales: string }>(connection, text);
  const [mart] = await rowsOf<{ net_sales: string }>(
    connection,
    "SELECT CAST(SUM(net_sales) AS DECIMAL(18, 2)) AS net_sales FROM mart.store_sales",
  );
  if (lines?.net_sales !== mart?.net_sales)
    throw new Error(`${lines?.net_sales} in the lines, ${mart?.net_sales} in the mart`);
}
