import type { DuckDBConnection } from "@duckdb/node-api";
import { quoteName, quoteString, rowsOf } from "../duckdb/database.ts";
import { is, textOf, TokenReader } from "../duckdb/tokens.ts";
import type { Token } from "../duckdb/tokens.ts";
import { SqlError, syntaxError } from "./sql-error.ts";

export interface MergeStatement {
  readonly target: readonly string[];
  readonly source: readonly string[];
  readonly sourceAlias: string | null;
  readonly condition: readonly Token[];
}

/** Reads MERGE as strictly as Redshift does; DuckDB would take far more. */
export function parseMerge(tokens: readonly Token[]): MergeStatement {
  const reader = new TokenReader(tokens, syntaxError);
  reader.expect("merge", "into");
  const target = reader.qualifiedName();
  // Redshift knows no alias here: whatever is not USING is its syntax error.
  reader.expect("using");
  if (is(reader.peek(), "(")) throw syntaxError("(");
  const source = reader.qualifiedName();
  const aliased = reader.accept("as") || !is(reader.peek(), "on");
  const sourceAlias = aliased ? reader.name() : null;
  reader.expect("on");
  const condition = until(reader, ["when", "remove"]);
  if (reader.accept("remove", "duplicates"))
    throw new SqlError("MERGE … REMOVE DUPLICATES is not available in local-aws");

  const clauses: string[] = [];
  while (reader.accept("when")) {
    const clause = reader.accept("not", "matched") ? "not matched" : (reader.expect("matched"), "matched");
    if (clauses.includes(clause)) throw syntaxError("WHEN");
    clauses.push(clause);
    reader.expect("then");
    const action = until(reader, ["when"]);
    const first = action[0];
    if (clause === "matched" ? !is(first, "update") && !is(first, "delete") : !is(first, "insert"))
      throw syntaxError(first?.text ?? "end of input");
  }
  if (!reader.done) throw reader.error();
  if (!clauses.includes("matched")) throw new SqlError("MERGE requires a WHEN MATCHED clause");
  if (!clauses.includes("not matched")) throw new SqlError("MERGE requires a WHEN NOT MATCHED clause");
  return { target, source, sourceAlias, condition };
}

function until(reader: TokenReader, words: readonly string[]): Token[] {
  const taken: Token[] = [];
  let depth = 0;
  let cases = 0;
  for (let token = reader.peek(); token !== undefined; token = reader.peek()) {
    if (depth === 0 && cases === 0 && words.some((word) => is(token, word))) break;
    if (is(token, "(")) depth++;
    if (is(token, ")")) depth--;
    if (is(token, "case")) cases++;
    if (is(token, "end")) cases--;
    taken.push(reader.next());
  }
  return taken;
}

/** What only the data can tell: the source is a table, and no row of the target is matched twice. */
export async function checkMerge(connection: DuckDBConnection, merge: MergeStatement): Promise<void> {
  const sourceName = merge.source.at(-1) ?? "";
  const views = await rowsOf(
    connection,
    `SELECT 1 FROM duckdb_views() WHERE NOT internal AND lower(view_name) = ${quoteString(sourceName)}`,
  );
  if (views.length > 0) throw new SqlError(`MERGE source "${sourceName}" must be a table, not a view`);
  if (merge.source.join(".") === merge.target.join("."))
    throw new SqlError("The source and target of MERGE can't be the same table");
  const target = merge.target.map(quoteName).join(".");
  const alias = merge.sourceAlias === null ? "" : ` AS ${quoteName(merge.sourceAlias)}`;
  const rowid = `${quoteName(merge.target.at(-1) ?? "")}.rowid`;
  const twice = await rowsOf(
    connection,
    `SELECT 1 FROM ${target} JOIN ${merge.source.map(quoteName).join(".")}${alias} ON ${textOf(merge.condition)}
     GROUP BY ${rowid} HAVING count(*) > 1 LIMIT 1`,
  );
  if (twice.length > 0) throw new SqlError("Found multiple matches to update the same tuple.");
}
