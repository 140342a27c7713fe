import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import type { S3Files } from "../contract.ts";
import { openDuckDb, quoteName, quoteString } from "../duckdb/database.ts";
import { functionNames } from "../duckdb/functions.ts";
import { Running } from "../duckdb/running.ts";
import { is, textOf, tokenize, valueOf } from "../duckdb/tokens.ts";
import type { Token } from "../duckdb/tokens.ts";
import type { Catalog, CatalogTable } from "./catalog.ts";
import { dateMacros, translate, TRINO } from "./functions.ts";
import { filesOf } from "./partitions.ts";
import type { DataFile } from "./partitions.ts";
import { references } from "./predicates.ts";
import { QueryError } from "./query-error.ts";
import { relationOf } from "./relation.ts";
import { printed, resultType } from "./types.ts";
import type { ColumnType } from "./types.ts";

export interface QueryColumn extends ColumnType {
  readonly name: string;
}

export interface QueryRows {
  readonly columns: readonly QueryColumn[];
  readonly rows: readonly (readonly (string | null)[])[];
}

export interface QueryToRun {
  readonly tokens: readonly Token[];
  readonly database: string;
  readonly now: number;
}

const NUMERIC = /^(tinyint|smallint|int|integer|bigint)$/i;

/** Is given what interrupts the query. */
type Started = (interrupt: () => void) => void;

/** Runs queries over the catalog's tables. Each query sees a catalog of its own, made of views over the files it needs. */
export class QueryEngine {
  private readonly instance: DuckDBInstance;
  private readonly control: DuckDBConnection;
  private readonly known: ReadonlySet<string>;
  private readonly catalog: Catalog;
  private readonly s3: S3Files;
  private count = 0;

  private constructor(
    instance: DuckDBInstance,
    control: DuckDBConnection,
    known: ReadonlySet<string>,
    catalog: Catalog,
    s3: S3Files,
  ) {
    this.instance = instance;
    this.control = control;
    this.known = known;
    this.catalog = catalog;
    this.s3 = s3;
  }

  static async open(threads: number, catalog: Catalog, s3: S3Files, home: string): Promise<QueryEngine> {
    const instance = await openDuckDb({ threads, nullOrder: "nulls_last", spillsTo: home });
    const control = await instance.connect();
    await control.run(TRINO.macros);
    return new QueryEngine(instance, control, await functionNames(control), catalog, s3);
  }

  async run(query: QueryToRun, started: Started): Promise<QueryRows & { scannedBytes: number }> {
    try {
      return await this.attempt(query, started);
    } catch (error) {
      // An object was replaced between listing and reading: the second look sees the new one.
      if (error instanceof Error && /No files found|Cannot open file|No such file/i.test(error.message))
        return this.attempt(query, started);
      throw error;
    }
  }

  private async attempt(query: QueryToRun, started: Started) {
    const own = `query_${++this.count}`;
    const connection = await this.instance.connect();
    const work = new Running(connection);
    started(() => work.interrupt());
    try {
      const sql = await translate(query.tokens, this.known);
      await connection.run(`ATTACH ':memory:' AS ${own}`);
      const scannedBytes = await this.makeViews(connection, own, sql, query);
      const schema = `${own}.${quoteName(query.database)}`;
      const macros = dateMacros(query.tokens, schema);
      if (macros !== "") await connection.run(macros);
      const path = `${schema},memory.main`;
      await connection.run(`SET search_path = ${quoteString(path)}`);
      const result = await connection.run(sql);
      const types = result.columnTypes().map(String);
      const columns = result.columnNames().map((name, index) => ({
        name: columnLabel(name, index, query.tokens),
        ...resultType(types[index] ?? ""),
      }));
      const rows = await result.getRowsJson();
      return {
        columns,
        rows: rows.map((row) => row.map((value, index) => printed(value, types[index] ?? ""))),
        scannedBytes,
      };
    } finally {
      work.close();
      await this.control.run(`DETACH DATABASE IF EXISTS ${own}`);
    }
  }

  private async makeViews(connection: DuckDBConnection, own: string, sql: string, query: QueryToRun): Promise<number> {
    for (const database of new Set([query.database, ...this.catalog.databases()]))
      await connection.run(`CREATE SCHEMA ${own}.${quoteName(database)}`);
    let scanned = 0;
    for (const table of this.tablesIn(connection, sql, query.database)) {
      const files = await this.filesFor(table, query);
      scanned += files.reduce((sum, file) => sum + file.size, 0);
      const view = [own, quoteName(table.database), quoteName(table.name)].join(".");
      await connection.run(`CREATE VIEW ${view} AS ${await relationOf(connection, table, files)}`);
    }
    return scanned;
  }

  private tablesIn(connection: DuckDBConnection, sql: string, database: string): CatalogTable[] {
    const found = new Map<string, CatalogTable>();
    for (const name of connection.getTableNames(sql, true)) {
      const parts = tokenize(name).filter((token) => token.kind === "word" || token.kind === "quoted");
      const qualified = name.includes(".");
      const [first = "", second = ""] = parts.map((part) => valueOf(part).toLowerCase());
      const table = qualified ? this.catalog.table(first, second) : this.catalog.table(database, first);
      if (table !== null) found.set(`${table.database}.${table.name}`, table);
    }
    return [...found.values()];
  }

  /** The table's files, less the partitions that no mention of the table can want. */
  private async filesFor(table: CatalogTable, query: QueryToRun): Promise<DataFile[]> {
    const files = await filesOf(this.s3, table, this.catalog.partitions(table), query.now);
    const keys = table.partitionKeys.map((key) => key.name);
    const numeric = table.partitionKeys.map(({ name, type }) => [name, NUMERIC.test(type)] as const);
    const mentions = references(query.tokens, table, new Map(numeric));
    if (mentions === null || mentions.length === 0) return files;
    return files.filter((file) =>
      mentions.some((tests) => tests.every(({ key, test }) => test(file.values[keys.indexOf(key)] ?? ""))),
    );
  }

  close(): void {
    this.control.closeSync();
    this.instance.closeSync();
  }
}

/** Trino calls a column that nobody named _col0, _col1, …; DuckDB names it after its text. */
function columnLabel(name: string, index: number, tokens: readonly Token[]): string {
  const given =
    /^[A-Za-z_]\w*$/.test(name) || tokens.some((token) => token.kind === "quoted" && valueOf(token) === name);
  return given ? name.toLowerCase() : `_col${index}`;
}

/** The tokens of one query, with `?` given the texts of ExecutionParameters. */
export function prepared(sql: string, parameters: readonly string[]): Token[] {
  const tokens = tokenize(sql);
  while (is(tokens.at(-1), ";")) tokens.pop();
  if (tokens.length === 0) throw new QueryError("SYNTAX_ERROR: the query is empty");
  if (tokens.some((token) => is(token, ";"))) throw new QueryError("SYNTAX_ERROR: Only one sql statement is allowed.");
  const values = [...parameters];
  const bound = tokens.flatMap((token) => {
    if (!is(token, "?")) return [token];
    const value = values.shift();
    if (value === undefined) throw new QueryError("INVALID_PARAMETER_USAGE: Incorrect number of parameters");
    return tokenize(`${token.before}${value}`);
  });
  if (values.length > 0) throw new QueryError("INVALID_PARAMETER_USAGE: Incorrect number of parameters");
  return bound;
}

/** Whether this front runs such a statement as a query. */
export const isQuery = (tokens: readonly Token[]): boolean =>
  ["select", "with", "values", "("].some((word) => is(tokens[0], word));

/** For messages: how a statement begins. */
export const beginning = (tokens: readonly Token[]): string => textOf(tokens.slice(0, 2)).trim();
