import type { DuckDBConnection } from "@duckdb/node-api";
import type { S3Files } from "../contract.ts";
import { quoteName, quoteString, quoteStrings, rowsOf } from "../duckdb/database.ts";
import type { CopyStatement } from "./copy-parser.ts";
import { checkParquet } from "./parquet-check.ts";
import type { CopyFile, TableColumn } from "./parquet-check.ts";
import { SqlError } from "./sql-error.ts";

/** Loads what COPY names and answers how many rows came in. */
export async function runCopy(connection: DuckDBConnection, s3: S3Files, copy: CopyStatement): Promise<number> {
  const target = copy.table.map(quoteName).join(".");
  const columns = chosenColumns(await columnsOf(connection, target), copy);
  const files = await filesOf(s3, copy);
  const into = `INSERT INTO ${target} (${columns.map((column) => quoteName(column.name)).join(", ")})`;
  if (copy.format === "parquet") return loadParquet(connection, into, columns, files, copy);
  const reader = copy.format === "json" ? readJson(columns, files, copy) : readText(columns, files, copy);
  if (copy.format === "json") return changed(connection, `${into} SELECT * FROM ${reader}`);
  return loadText(connection, `${into} SELECT * FROM ${reader}`, copy, files);
}

async function changed(connection: DuckDBConnection, sql: string): Promise<number> {
  return (await connection.run(sql)).rowsChanged;
}

/** The columns of a table in its order; DuckDB's own error when there is no such table. */
async function columnsOf(connection: DuckDBConnection, target: string): Promise<TableColumn[]> {
  const result = await connection.runAndReadAll(`SELECT * FROM ${target} LIMIT 0`);
  const types = result.columnTypes();
  return result.columnNames().map((name, index) => ({ name, type: String(types[index]) }));
}

function chosenColumns(all: readonly TableColumn[], copy: CopyStatement): readonly TableColumn[] {
  if (copy.columns === null) return all;
  return copy.columns.map((name) => {
    const column = all.find((candidate) => candidate.name.toLowerCase() === name);
    if (column === undefined)
      throw new SqlError(`column "${name}" of relation "${copy.table.join(".")}" does not exist`);
    return column;
  });
}

async function filesOf(s3: S3Files, copy: CopyStatement): Promise<readonly CopyFile[]> {
  const listed = await s3.list(copy.from);
  if (listed.length === 0) throw new SqlError(`The specified S3 prefix '${keyOf(copy.from)}' does not exist`);
  if (!copy.manifest) return listed;
  const manifest = JSON.parse(new TextDecoder().decode(await s3.read(copy.from))) as {
    entries?: { url?: string; mandatory?: boolean }[];
  };
  const files: CopyFile[] = [];
  for (const { url = "", mandatory = false } of manifest.entries ?? []) {
    const found = (await s3.list(url)).find((object) => object.uri === url);
    if (found) files.push(found);
    else if (mandatory) throw new SqlError(`Mandatory url is not present in manifest file. url: ${url}`);
  }
  if (files.length === 0) throw new SqlError(`The manifest '${copy.from}' names no object that exists`);
  return files;
}

const keyOf = (uri: string): string => uri.replace(/^s3:\/\/[^/]+\/?/, "");

/** By position: a file's own column names say nothing. Files that name their columns alike are read together. */
async function loadParquet(
  connection: DuckDBConnection,
  into: string,
  columns: readonly TableColumn[],
  files: readonly CopyFile[],
  copy: CopyStatement,
): Promise<number> {
  let rows = 0;
  for (const group of await checkParquet(connection, columns, files, copy.table.at(-1) ?? "")) {
    const values = columns.map((column, index) => `CAST(#${index + 1} AS ${column.type})`).join(", ");
    const source = `read_parquet(${quoteStrings(group)}, hive_partitioning = false)`;
    rows += await changed(connection, `${into} SELECT ${values} FROM ${source}`);
  }
  return rows;
}

const declared = (columns: readonly TableColumn[]): string =>
  `{${columns.map((column) => `${quoteString(column.name)}: ${quoteString(column.type)}`).join(", ")}}`;

function readJson(columns: readonly TableColumn[], files: readonly CopyFile[], copy: CopyStatement): string {
  return (
    `read_json(${quoteStrings(files.map((file) => file.path))}, columns = ${declared(columns)}, ` +
    `format = 'newline_delimited', hive_partitioning = false, compression = '${copy.gzip ? "gzip" : "uncompressed"}')`
  );
}

/** An empty field is NULL, but for text without EMPTYASNULL: there it is the empty string, as in Redshift. */
function readText(columns: readonly TableColumn[], files: readonly CopyFile[], copy: CopyStatement): string {
  const kept = copy.emptyAsNull
    ? []
    : columns.filter((column) => column.type === "VARCHAR").map((column) => column.name);
  const options = [
    `columns = ${declared(columns)}`,
    "auto_detect = false",
    "header = false",
    `skip = ${copy.ignoreHeader}`,
    `delim = ${quoteString(copy.delimiter)}`,
    `quote = ${quoteString(copy.quote ?? "")}`,
    `escape = ${quoteString(copy.quote ?? "")}`,
    `nullstr = ${quoteStrings(copy.nullAs === null ? [""] : ["", copy.nullAs])}`,
    ...(kept.length > 0 && copy.nullAs === null ? [`force_not_null = ${quoteStrings(kept)}`] : []),
    `compression = '${copy.gzip ? "gzip" : "none"}'`,
    "hive_partitioning = false",
    "store_rejects = true",
    "rejects_table = 'copy_rejects'",
    "rejects_scan = 'copy_rejects_scan'",
    "rejects_limit = 0",
  ];
  return `read_csv(${quoteStrings(files.map((file) => file.path))}, ${options.join(", ")})`;
}

/** Loads and counts the lines that could not be read: more than MAXERROR of them undo the load. */
async function loadText(
  connection: DuckDBConnection,
  sql: string,
  copy: CopyStatement,
  files: readonly CopyFile[],
): Promise<number> {
  const rows = await changed(connection, sql);
  const errors = await rowsOf(
    connection,
    `SELECT s.file_path, r.line::INTEGER, r.column_name, r.error_message FROM copy_rejects r
     JOIN copy_rejects_scan s USING (scan_id, file_id) ORDER BY 1, 2, r.column_idx`,
  );
  await connection.run("DROP TABLE copy_rejects; DROP TABLE copy_rejects_scan");
  const lines = new Set(errors.map(([file, line]) => JSON.stringify([file, line])));
  const [first] = errors;
  if (first === undefined || lines.size <= copy.maxError) return rows;
  const [path, line, column, reason] = first as [string, number, string | null, string];
  const uri = files.find((file) => file.path === path)?.uri ?? path;
  throw new SqlError(
    `Load into table '${copy.table.at(-1) ?? ""}' failed.  Check 'stl_load_errors' system table for details. ` +
      `First of ${lines.size}: ${uri} line ${line}, column ${column ?? "-"}: ${reason.split("\n")[0] ?? ""}`,
  );
}
