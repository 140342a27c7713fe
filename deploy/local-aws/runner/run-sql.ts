import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import type { RunnerJob } from "../contract.ts";
import { memoryPart, spillFolder } from "../duckdb/limits.ts";
import { loadDuckDb } from "../load.ts";
import { dataFiles, type DataFile } from "./data-files.ts";
import { readArguments, type JobArguments } from "./job-arguments.ts";
import { identifier, literal } from "./quote.ts";
import { readInput } from "./read-input.ts";
import { readSqlFile, type SqlFile } from "./sql-file.ts";
import { publish, writeOutput, type Written } from "./write-output.ts";

/** What Spark has and DuckDB has not. Nothing is translated. */
const SPARK_FUNCTIONS = [
  "CREATE MACRO regexp_like(text, pattern) AS regexp_matches(text, pattern)",
  "CREATE MACRO from_utc_timestamp(utc, zone) AS timezone(zone, timezone('UTC', utc))",
];

/** A DuckDB in memory that is kept warm between jobs. Each job has a connection of its own: its views end with it. */
export interface SqlRunner {
  /** Does the job or throws the reason; `log` receives what was read and written. */
  run(job: RunnerJob, log: (line: string) => void): Promise<void>;
  close(): void;
}

/** `memory`: as DuckDB's memory_limit takes it; half of the machine's by default, since another job may run beside this one. */
export async function openSqlRunner({ memory = memoryPart(1 / 2) } = {}): Promise<SqlRunner> {
  const instance = await loadDuckDb().DuckDBInstance.create(":memory:", {
    memory_limit: memory,
    autoload_known_extensions: "false",
    autoinstall_known_extensions: "false",
    // It takes a file rewritten within a second to the same size for the old one, and answers a mix of both (seen).
    enable_external_file_cache: "false",
  });
  const setup = await instance.connect();
  await setup.run("SET GLOBAL TimeZone = 'UTC'");
  for (const statement of SPARK_FUNCTIONS) await setup.run(statement);
  setup.closeSync();
  let spillsTo: string | null = null;
  return {
    async run(job, log) {
      const connection = await instance.connect();
      try {
        // Once: a DuckDB that has spilled refuses to be told where.
        if (spillsTo === null) {
          spillsTo = await spillFolder(temporaryFolder(job.s3Root));
          await connection.run(`SET temp_directory = ${literal(spillsTo)}`);
        }
        await runSql(connection, job, log);
      } finally {
        connection.closeSync();
      }
    },
    close: () => instance.closeSync(),
  };
}

/** Beside the buckets: the same disk, so that a rename is enough, and no bucket has such a name. */
const temporaryFolder = (s3Root: string): string => join(s3Root, ".writing");

async function runSql(connection: DuckDBConnection, job: RunnerJob, log: (line: string) => void): Promise<void> {
  const given = readArguments(job.arguments, job.s3Root);
  const file = readSqlFile(await readFile(given.sql, "utf8"));
  checkAgainst(file, given);
  await createParams(connection, file, given);
  const temporary = temporaryFolder(job.s3Root);
  const files = await filesOf(given);
  await connection.run(`SET threads = ${threadsFor([...files.values()].flat(), job.threads)}`);
  for (const declared of file.inputs) {
    const input = given.inputs.get(declared.name);
    log(await readInput(connection, declared, input, files.get(declared.name) ?? [], temporary));
  }
  for (const statement of file.statements) {
    await connection.run(statement);
    const view = file.keep.find((name) => statement.startsWith(`CREATE OR REPLACE TEMP VIEW ${name} AS`));
    if (view !== undefined) await keep(connection, view);
  }
  const written: Written[] = [];
  try {
    for (const [name, location] of given.outputs)
      written.push(await writeOutput(connection, name, location, temporary));
  } catch (error) {
    for (const output of written) await rm(output.temporary, { force: true });
    throw error;
  }
  const counts = written.find((output) => output.name === "summary");
  if (counts) log(await summaryLine(connection, counts));
  // All are complete before one takes its place: a job that fails leaves the last outputs as they were.
  for (const output of written) {
    await publish(output);
    log(`wrote ${output.name}: ${output.rows} ${output.rows === 1 ? "row" : "rows"}`);
  }
}

async function filesOf(given: JobArguments): Promise<ReadonlyMap<string, readonly DataFile[]>> {
  const listed = [...given.inputs].map(async ([name, input]) => [name, await dataFiles(input)] as const);
  return new Map(await Promise.all(listed));
}

/** So little is read sooner by one thread than by several that wait for each other. */
const SMALL_BYTES = 4 * 1024 * 1024;

function threadsFor(files: readonly DataFile[], most: number): number {
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  return bytes <= SMALL_BYTES ? 1 : most;
}

/** From here on the view is what it holds now, as Spark's cache makes it. */
async function keep(connection: DuckDBConnection, view: string): Promise<void> {
  await connection.run(`CREATE TEMP TABLE "kept ${view}" AS SELECT * FROM ${identifier(view)}`);
  await connection.run(`DROP VIEW ${identifier(view)}`);
  await connection.run(`ALTER TABLE "kept ${view}" RENAME TO ${identifier(view)}`);
}

function checkAgainst(file: SqlFile, given: JobArguments): void {
  for (const input of file.inputs) {
    if (!input.optional && !given.inputs.has(input.name)) throw new Error(`--input.${input.name} is missing`);
  }
  for (const param of file.params) {
    if (!given.params.has(param)) throw new Error(`--param.${param} is missing`);
  }
  const unknown = (kind: string, names: Iterable<string>, known: readonly string[]) => {
    for (const name of names) {
      if (!known.includes(name)) throw new Error(`--${kind}.${name}: the SQL declares ${known.join(", ") || "none"}`);
    }
  };
  unknown(
    "input",
    given.inputs.keys(),
    file.inputs.map((input) => input.name),
  );
  unknown("output", given.outputs.keys(), file.outputs);
  unknown("param", given.params.keys(), file.params);
}

/** Parameters are data: one row of texts, never part of a statement's text. */
async function createParams(connection: DuckDBConnection, file: SqlFile, given: JobArguments): Promise<void> {
  if (file.params.length === 0) return;
  const columns = file.params.map(
    (name) => `CAST(${literal(given.params.get(name)!)} AS VARCHAR) AS ${identifier(name)}`,
  );
  await connection.run(`CREATE TEMP TABLE params AS SELECT ${columns.join(", ")}`);
}

/** An output called `summary` is one row of counts for people. */
async function summaryLine(connection: DuckDBConnection, summary: Written): Promise<string> {
  const result = await connection.runAndReadAll(`SELECT COLUMNS(*)::VARCHAR FROM ${literal(summary.temporary)}`);
  const [values = []] = result.getRows() as string[][];
  return `summary: ${result
    .columnNames()
    .map((name, index) => `${name}=${values[index]}`)
    .join(" ")}`;
}
