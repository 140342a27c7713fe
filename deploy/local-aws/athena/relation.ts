import type { DuckDBConnection } from "@duckdb/node-api";
import { quoteName, quoteString, quoteStrings, rowsOf } from "../duckdb/database.ts";
import type { CatalogTable } from "./catalog.ts";
import type { DataFile } from "./partitions.ts";
import { QueryError } from "./query-error.ts";
import { duckDbType } from "./types.ts";

/** A SELECT that yields exactly the table's columns, with its types, from these files. */
export async function relationOf(
  connection: DuckDBConnection,
  table: CatalogTable,
  files: readonly DataFile[],
): Promise<string> {
  const columns = table.columns.map(({ name, type }) => ({ name, type: duckDbType(type) }));
  const keys = table.partitionKeys.map(({ name, type }) => ({ name, type: duckDbType(type) }));
  const nothing = [...columns, ...keys].map(({ name, type }) => `CAST(NULL AS ${type}) AS ${quoteName(name)}`);
  if (files.length === 0) return `SELECT ${nothing.join(", ")} WHERE false`;

  const reader = readerOf(table, files);
  const found = table.format === "parquet" ? await parquetColumns(connection, reader) : null;
  const values = columns.map(({ name, type }) => {
    if (found === null) return `f.${quoteName(name)}`;
    const inFile = found.get(name);
    if (inFile === undefined) return `CAST(NULL AS ${type}) AS ${quoteName(name)}`;
    if (!readable(inFile.type, type))
      throw new QueryError(
        `HIVE_BAD_DATA: Field ${name}'s type ${inFile.type} in parquet file is incompatible with type ${type} defined in table schema`,
      );
    return `CAST(f.${quoteName(inFile.name)} AS ${type}) AS ${quoteName(name)}`;
  });
  if (keys.length === 0) return `SELECT ${values.join(", ")} FROM ${reader} f`;
  // A map, not a join: DuckDB fails with an internal error on a windowed self-join of a view that joins its file names.
  // A constant where the files agree: DuckDB 1.5.5 fails likewise when it counts the lines of one file by its name.
  const named = keys.map(({ name, type }, index) => {
    const distinct = new Set(files.map((file) => file.values[index] ?? ""));
    const [only] = distinct;
    if (only !== undefined && distinct.size === 1) return `CAST(${quoteString(only)} AS ${type}) AS ${quoteName(name)}`;
    const entries = files.map((file) => `${quoteString(file.path)}: ${quoteString(file.values[index] ?? "")}`);
    return `CAST(MAP {${entries.join(", ")}}[f.${FILE_COLUMN}] AS ${type}) AS ${quoteName(name)}`;
  });
  return `SELECT ${[...values, ...named].join(", ")} FROM ${reader} f`;
}

/** A name no table uses. */
const FILE_COLUMN = "__local_aws_file";

function readerOf(table: CatalogTable, files: readonly DataFile[]): string {
  const paths = quoteStrings(files.map((file) => file.path));
  const common = `hive_partitioning = false, filename = '${FILE_COLUMN}'`;
  if (table.format === "parquet") return `read_parquet(${paths}, union_by_name = true, ${common})`;
  const declared = `columns = {${table.columns.map(({ name, type }) => `${quoteString(name)}: ${quoteString(duckDbType(type))}`).join(", ")}}`;
  if (table.format === "json") return `read_json(${paths}, format = 'newline_delimited', ${declared}, ${common})`;
  const skip = Number(table.properties["skip.header.line.count"] ?? "0");
  const quote = table.format === "csv" ? `quote = '"', escape = '"'` : "quote = '', escape = '', nullstr = '\\N'";
  return (
    `read_csv(${paths}, auto_detect = false, header = false, skip = ${skip}, delim = ${quoteString(table.delimiter)}, ` +
    `${quote}, null_padding = true, ${declared}, ${common})`
  );
}

/** The files' columns by lower-case name: Athena finds a Parquet column by its name, without case. */
async function parquetColumns(
  connection: DuckDBConnection,
  reader: string,
): Promise<Map<string, { name: string; type: string }>> {
  const rows = await rowsOf(connection, `DESCRIBE SELECT * FROM ${reader}`);
  return new Map(rows.map(([name, type]) => [String(name).toLowerCase(), { name: String(name), type: String(type) }]));
}

const WIDENS: Readonly<Record<string, readonly string[]>> = {
  SMALLINT: ["TINYINT"],
  INTEGER: ["TINYINT", "SMALLINT"],
  BIGINT: ["TINYINT", "SMALLINT", "INTEGER"],
  DOUBLE: ["FLOAT"],
  VARCHAR: ["BLOB"],
  TIMESTAMP: ["TIMESTAMP WITH TIME ZONE", "TIMESTAMP_NS", "TIMESTAMP_MS"],
};

/** Whether Athena reads a file's type as the declared one. A decimal keeps its scale. */
function readable(inFile: string, declared: string): boolean {
  if (inFile === declared || (WIDENS[declared]?.includes(inFile) ?? false)) return true;
  const scale = (type: string): string | undefined => /^DECIMAL\(\d+, ?(\d+)\)$/.exec(type)?.[1];
  return scale(declared) !== undefined && scale(inFile) === scale(declared);
}
