import type { DuckDBConnection } from "@duckdb/node-api";
import type { S3Files } from "../contract.ts";
import { is, tokenize } from "../duckdb/tokens.ts";
import type { Token } from "../duckdb/tokens.ts";
import { runCopy } from "./copy.ts";
import { parseCopy } from "./copy-parser.ts";
import { alterTable, createTable } from "./create-table.ts";
import { bind, translate } from "./dialect.ts";
import type { Parameter } from "./dialect.ts";
import { checkMerge, parseMerge } from "./merge.ts";
import { resultRows } from "./rows.ts";
import type { ResultRows } from "./rows.ts";
import { loadDuckDb } from "../load.ts";
import { SqlError } from "./sql-error.ts";
import { parseUnload, runUnload } from "./unload.ts";

const { StatementType } = loadDuckDb();

export interface Ran {
  readonly rowCount: number;
  readonly result: ResultRows | null;
  /** TRUNCATE commits the transaction it stands in. */
  readonly commits: boolean;
}

/** What Redshift takes and this front hands on; anything else is refused by its first word. */
const TAKEN = [
  "select",
  "with",
  "insert",
  "update",
  "delete",
  "merge",
  "create",
  "drop",
  "alter",
  "truncate",
  "explain",
  "analyze",
  "comment",
  "(",
];

/** Runs one SQL in the open transaction of `connection`. */
export async function runStatement(
  connection: DuckDBConnection,
  s3: S3Files,
  known: ReadonlySet<string>,
  sql: string,
  parameters: readonly Parameter[],
): Promise<Ran> {
  const tokens = bind(sql, parameters);
  const first = tokens[0];
  const done = (rowCount: number): Ran => ({ rowCount, result: null, commits: false });
  if (is(first, "copy")) {
    const rows = await runCopy(connection, s3, parseCopy(tokens));
    await connection.run(`CREATE OR REPLACE TEMP MACRO pg_last_copy_count() AS ${rows}`);
    return done(rows);
  }
  if (is(first, "unload")) {
    const unload = parseUnload(tokens);
    return done(await runUnload(connection, s3, unload, await translate(tokenize(unload.query), known)));
  }
  if (!TAKEN.some((word) => is(first, word)))
    throw new SqlError(`${first?.text.toUpperCase() ?? ""} is not available in local-aws`);
  if (is(first, "merge")) await checkMerge(connection, parseMerge(tokens));
  const sqlHere = await translate(tokens, known);
  const created = is(first, "create") ? createTable(tokenize(sqlHere)) : null;
  if (created !== null) {
    for (const statement of created) await connection.run(statement);
    return done(-1);
  }
  return run(connection, is(first, "alter") ? alterTable(tokenize(sqlHere)) : sqlHere, tokens);
}

async function run(connection: DuckDBConnection, sql: string, tokens: readonly Token[]): Promise<Ran> {
  const result = await connection.run(sql);
  const commits = is(tokens[0], "truncate");
  switch (result.statementType) {
    case StatementType.SELECT:
    case StatementType.EXPLAIN: {
      const rows = await resultRows(result);
      return { rowCount: rows.rows.length, result: rows, commits };
    }
    case StatementType.INSERT:
    case StatementType.UPDATE:
    case StatementType.DELETE:
    case StatementType.MERGE_INTO:
      return { rowCount: commits ? -1 : result.rowsChanged, result: null, commits };
    default:
      return { rowCount: -1, result: null, commits };
  }
}
