import { rm } from "node:fs/promises";
import type { DuckDBConnection } from "@duckdb/node-api";
import { closeQuotes } from "./close-quotes.ts";
import { csvHeader } from "./csv-header.ts";
import type { DataFile } from "./data-files.ts";
import type { Location } from "./job-arguments.ts";
import { identifier, literal } from "./quote.ts";
import type { InputColumn, InputDeclaration } from "./sql-file.ts";

/**
 * Makes the relation `declared.name` with exactly the declared columns; no files make an empty one. Answers a log line.
 * Throws where a column that must be there is missing, naming the column and the file.
 */
export async function readInput(
  connection: DuckDBConnection,
  declared: InputDeclaration,
  input: Location | undefined,
  files: readonly DataFile[],
  temporary: string,
): Promise<string> {
  if (input?.format !== "csv") await createRelation(connection, declared, input, files);
  else if (!(await readAsTheyAre(connection, declared, input, files))) {
    const copies = await Promise.all(
      files.map(async (file) => ({
        ...file,
        path: await closeQuotes(file.path, temporary).catch(unreadable(declared, file)),
      })),
    );
    try {
      await connection.run(`DROP TABLE IF EXISTS ${identifier(declared.name)}`);
      await createRelation(connection, declared, input, copies);
    } finally {
      await Promise.all(copies.map((copy) => rm(copy.path, { force: true })));
    }
  }
  const rows = await count(connection, declared, "TRUE");
  return `read ${declared.name}: ${rows} rows, ${files.length} ${files.length === 1 ? "file" : "files"}`;
}

async function createRelation(
  connection: DuckDBConnection,
  declared: InputDeclaration,
  input: Location | undefined,
  files: readonly DataFile[],
): Promise<void> {
  const selects = input && files.length > 0 ? await selectsOf(connection, declared, input, files) : [];
  const nothing = `SELECT ${declared.columns.map((column) => absent(column)).join(", ")} WHERE FALSE`;
  // A text file is parsed once, however many views look at it; Parquet is read where and as far as it is needed.
  const kind = input?.format === "parquet" ? "VIEW" : "TABLE";
  await connection.run(`CREATE TEMP ${kind} ${identifier(declared.name)} AS ${selects.join(" UNION ALL ") || nothing}`);
}

/**
 * False when DuckDB stumbles over the files, or reads a value that spans lines: it began with a quote that its line does
 * not close. What else may be wrong with them is said again by the second reading.
 */
async function readAsTheyAre(
  connection: DuckDBConnection,
  declared: InputDeclaration,
  input: Location,
  files: readonly DataFile[],
): Promise<boolean> {
  try {
    await createRelation(connection, declared, input, files);
  } catch {
    return false;
  }
  // Only a text can: a number that took the next line in would have been no number.
  const texts = declared.columns.filter(({ type }) => type === "STRING");
  const spansLines = texts.map(({ name }) => `contains(${identifier(name)}, chr(10))`).join(" OR ");
  return texts.length === 0 || (await count(connection, declared, spansLines)) === 0;
}

async function selectsOf(
  connection: DuckDBConnection,
  declared: InputDeclaration,
  input: Location,
  files: readonly DataFile[],
): Promise<string[]> {
  switch (input.format) {
    case "csv":
      return csvSelects(declared, files);
    case "json":
      return [jsonSelect(declared, files)];
    default:
      return parquetSelects(connection, declared, input, files);
  }
}

/** One select per header: files of one input may name and order their columns differently. */
async function csvSelects(declared: InputDeclaration, files: readonly DataFile[]): Promise<string[]> {
  const groups = new Map<string, { header: readonly string[]; files: DataFile[] }>();
  for (const file of files) {
    const header = await csvHeader(file.path).catch(unreadable(declared, file));
    if (header === null) continue;
    requireColumns(declared, header, file);
    const key = header.join("\0");
    const group = groups.get(key) ?? { header, files: [] };
    group.files.push(file);
    groups.set(key, group);
  }
  return [...groups.values()].map((group) => {
    const known = (name: string, index: number) =>
      declared.columns.some((column) => column.name === name) && group.header.indexOf(name) === index;
    // A column nobody asked for is named by its place: files may name two of them alike.
    const columns = group.header.map((name, index) => `${literal(known(name, index) ? name : `#${index}`)}: 'VARCHAR'`);
    const wanted = declared.columns.map((column) =>
      group.header.includes(column.name) ? typed(column) : absent(column),
    );
    return (
      `SELECT ${wanted.join(", ")} FROM read_csv(${list(group.files)}, columns = {${columns.join(", ")}}, ` +
      `auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', null_padding = true, strict_mode = false)`
    );
  });
}

/** One object a line. A key that is not there is NULL, and so is every column of a line that is no object. */
function jsonSelect(declared: InputDeclaration, files: readonly DataFile[]): string {
  const columns = declared.columns.map((column) => `${identifier(column.name)}: 'VARCHAR'`).join(", ");
  return (
    `SELECT ${declared.columns.map(typed).join(", ")} FROM read_json(${list(files)}, columns = {${columns}}, ` +
    `auto_detect = false, format = 'newline_delimited', ignore_errors = true)`
  );
}

async function parquetSelects(
  connection: DuckDBConnection,
  declared: InputDeclaration,
  input: Location,
  files: readonly DataFile[],
): Promise<string[]> {
  const result = await connection.runAndReadAll(
    `SELECT file_name, name, type || ' ' || coalesce(logical_type, '') FROM parquet_schema(${list(files)}) WHERE type IS NOT NULL`,
  );
  const schemas = new Map<string, Map<string, string>>(files.map((file) => [file.path, new Map()]));
  for (const [path, name, type] of result.getRows() as [string, string, string][]) {
    schemas.get(path)!.set(name.toLowerCase(), type);
  }
  const partition = input.options.get("partition");
  const groups = new Map<string, { types: ReadonlyMap<string, string>; files: DataFile[] }>();
  for (const file of files) {
    const types = schemas.get(file.path)!;
    if (partition !== undefined) types.set(partition, "partition");
    requireColumns(declared, [...types.keys()], file);
    const key = JSON.stringify([...types]);
    const group = groups.get(key) ?? { types, files: [] };
    group.files.push(file);
    groups.set(key, group);
  }
  const hive =
    partition === undefined
      ? "hive_partitioning = false"
      : `hive_partitioning = true, hive_types = {${literal(partition)}: VARCHAR}`;
  return [...groups.values()].map((group) => {
    const wanted = declared.columns.map((column) => parquetColumn(column, group.types.get(column.name)));
    return `SELECT ${wanted.join(", ")} FROM read_parquet(${list(group.files)}, ${hive})`;
  });
}

function parquetColumn(column: InputColumn, type: string | undefined): string {
  if (type === undefined) return absent(column);
  if (column.type !== "STRING") return typed(column);
  const name = identifier(column.name);
  // An instant must not lose that it is one: as text without offset it would be read as a store's local time.
  if (type.startsWith("INT96") || type.includes("isAdjustedToUTC=1")) {
    return `strftime(CAST(${name} AS TIMESTAMPTZ) AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S.%f') || 'Z' AS ${name}`;
  }
  // Spark writes large doubles as 1.0E7.
  if (type.startsWith("DOUBLE") || type.startsWith("FLOAT")) {
    return `CAST(CAST(${name} AS DECIMAL(38, 6)) AS VARCHAR) AS ${name}`;
  }
  return typed(column);
}

function requireColumns(declared: InputDeclaration, there: readonly string[], file: DataFile): void {
  const missing = declared.columns.filter((column) => !column.optional && !there.includes(column.name));
  if (missing.length === 0) return;
  const names = missing.map((column) => column.name).join(", ");
  throw new Error(
    `input ${declared.name}: column ${names} is missing in ${file.uri}; its columns are ${there.join(", ")}`,
  );
}

/** Damaged gzip, most often: its error names no file. */
const unreadable = (declared: InputDeclaration, file: DataFile) => (error: Error) => {
  throw new Error(`input ${declared.name}: ${file.uri} cannot be read: ${error.message}`);
};

const list = (files: readonly DataFile[]): string => `[${files.map((file) => literal(file.path)).join(", ")}]`;
const typed = ({ name, type }: InputColumn): string => `CAST(${identifier(name)} AS ${type}) AS ${identifier(name)}`;
const absent = ({ name, type }: InputColumn): string => `CAST(NULL AS ${type}) AS ${identifier(name)}`;

async function count(connection: DuckDBConnection, declared: InputDeclaration, condition: string): Promise<number> {
  const result = await connection.runAndReadAll(`SELECT count(*) FROM ${identifier(declared.name)} WHERE ${condition}`);
  return Number(result.getRows()[0]![0]);
}
