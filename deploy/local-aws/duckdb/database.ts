import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { loadDuckDb } from "../load.ts";
import { memoryPart, spillFolder } from "./limits.ts";

export interface DuckDbOptions {
  readonly threads: number;
  readonly nullOrder: string;
  /** The folder below which it lays what does not fit into its memory. */
  readonly spillsTo: string;
}

/** Athena, each warehouse and the runners' jobs may be at work side by side. */
const MEMORY = 1 / 4;

/**
 * A DuckDB that reaches nothing but local files, tells time in UTC and leaves room for others. Data lives in attached files, never in
 * the instance's own catalog, because a file's stem would otherwise become a name that a user's schema can collide with.
 */
export async function openDuckDb({ threads, nullOrder, spillsTo }: DuckDbOptions): Promise<DuckDBInstance> {
  const instance = await loadDuckDb().DuckDBInstance.create(":memory:", {
    threads: String(threads),
    memory_limit: memoryPart(MEMORY),
    temp_directory: await spillFolder(spillsTo),
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    default_null_order: nullOrder,
    // The cache goes by path and time of change: of a file written anew within the second it answers a mix of old and new.
    enable_external_file_cache: "false",
  });
  const connection = await instance.connect();
  // Not an option of the instance: it belongs to the bundled icu extension, which loads with it.
  await connection.run("SET GLOBAL TimeZone = 'UTC'");
  connection.closeSync();
  return instance;
}

/** Rows as JSON values, for reading DuckDB's own catalog. */
export async function rowsOf(connection: DuckDBConnection, sql: string): Promise<unknown[][]> {
  return (await connection.runAndReadAll(sql)).getRowsJson();
}

/** The first column as text. */
export async function textsOf(connection: DuckDBConnection, sql: string): Promise<string[]> {
  return (await rowsOf(connection, sql)).map(([first]) => (typeof first === "string" ? first : JSON.stringify(first)));
}

export const quoteString = (text: string): string => `'${text.replaceAll("'", "''")}'`;
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const quoteStrings = (texts: readonly string[]): string => `[${texts.map(quoteString).join(", ")}]`;

/** DuckDB's error without its class and the excerpt of the statement, which is our translation and not what the client sent. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return (message.split("\n\nLINE ")[0] ?? message).replace(/^[A-Z][A-Za-z ]* Error: /, "").trim();
}

/** Whether the statement ended because of `interrupt()`. */
export const isInterrupt = (error: unknown): boolean =>
  error instanceof Error && /^(INTERRUPT|Interrupt)|Interrupted!/.test(error.message);
