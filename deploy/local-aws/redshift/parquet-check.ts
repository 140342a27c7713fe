import type { DuckDBConnection } from "@duckdb/node-api";
import { quoteStrings, rowsOf } from "../duckdb/database.ts";
import { SqlError } from "./sql-error.ts";

export interface TableColumn {
  readonly name: string;
  /** DuckDB's word for the type: "DECIMAL(18,2)", "VARCHAR". */
  readonly type: string;
}

export interface CopyFile {
  readonly uri: string;
  readonly path: string;
}

/** Which types a Parquet file may hold for a column: COPY converts nothing. */
const FITS: Readonly<Record<string, readonly string[]>> = {
  SMALLINT: ["TINYINT", "SMALLINT", "INTEGER"],
  INTEGER: ["TINYINT", "SMALLINT", "INTEGER"],
  BIGINT: ["BIGINT"],
  FLOAT: ["FLOAT"],
  DOUBLE: ["DOUBLE"],
  BOOLEAN: ["BOOLEAN"],
  VARCHAR: ["VARCHAR", "BLOB"],
  DATE: ["DATE"],
  TIMESTAMP: ["TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_NS", "TIMESTAMP_MS"],
  "TIMESTAMP WITH TIME ZONE": ["TIMESTAMP", "TIMESTAMP WITH TIME ZONE"],
};

interface FileColumn {
  readonly name: string;
  readonly type: string;
}

function fits(column: string, file: string): boolean {
  const wanted = decimal(column);
  if (wanted === null) return FITS[column]?.includes(file) ?? false;
  const found = decimal(file);
  return found !== null && found.scale === wanted.scale && found.precision <= wanted.precision;
}

function decimal(type: string): { precision: number; scale: number } | null {
  const found = /^DECIMAL\((\d+), ?(\d+)\)$/.exec(type);
  return found && { precision: Number(found[1]), scale: Number(found[2]) };
}

/** Checks every file's column count and types, and groups the files that name their columns alike. */
export async function checkParquet(
  connection: DuckDBConnection,
  columns: readonly TableColumn[],
  files: readonly CopyFile[],
  table: string,
): Promise<string[][]> {
  const groups = new Map<string, string[]>();
  for (const file of files) {
    const found = await fileColumns(connection, file);
    if (found.length !== columns.length)
      throw new SqlError(
        `Spectrum Scan Error. code: 15007 context: Unmatched number of columns between table and file. ` +
          `Table columns: ${columns.length}, Data columns: ${found.length}, Table name: ${table}, File name: ${file.uri}`,
      );
    columns.forEach((column, index) => {
      const inFile = found[index];
      if (inFile !== undefined && !fits(column.type, inFile.type))
        throw new SqlError(
          `Spectrum Scan Error. code: 15007 context: File '${file.uri}' has an incompatible Parquet schema for column ` +
            `'${table}.${column.name}'. Column type: ${column.type}, Parquet schema: ${inFile.type} ${inFile.name}`,
        );
    });
    const key = JSON.stringify(found.map((column) => column.name));
    groups.set(key, [...(groups.get(key) ?? []), file.path]);
  }
  return [...groups.values()];
}

async function fileColumns(connection: DuckDBConnection, file: CopyFile): Promise<FileColumn[]> {
  const describe = `DESCRIBE SELECT * FROM read_parquet(${quoteStrings([file.path])}, hive_partitioning = false)`;
  try {
    const rows = await rowsOf(connection, describe);
    return rows.map(([name, type]) => ({ name: String(name), type: String(type) }));
  } catch (error) {
    if (!(error instanceof Error) || !/magic bytes|too small|Parquet/i.test(error.message)) throw error;
    throw new SqlError(`Spectrum Scan Error. code: 15001 context: File '${file.uri}' is not a Parquet file`);
  }
}
