import type { DuckDBConnection } from "@duckdb/node-api";
import { textsOf } from "./database.ts";
import { is } from "./tokens.ts";
import type { Token } from "./tokens.ts";

/**
 * A name DuckDB knows may mean something else there than in the warehouse it stands in for. So a function is called only
 * when it is on the dialect's list: `same` (checked by hand to answer alike), `macros` (made alike), `translated` (the
 * statement goes through the translator). Every other one is refused by name, never answered differently.
 */
export interface DialectFunctions {
  readonly same: ReadonlySet<string>;
  /** CREATE MACRO statements, run once in the instance's own catalog. */
  readonly macros: string;
  readonly translated: ReadonlySet<string>;
  /** The service's own error for a function it does not have. */
  refuse(name: string): Error;
}

export const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** Names given by "CREATE MACRO name(": functions of the dialect like any other. */
const macroNames = (macros: string): Set<string> =>
  new Set([...macros.matchAll(/MACRO "?([a-z_0-9]+)"?\(/g)].map((match) => match[1] ?? ""));

/** What may stand before a name with a parenthesis that is not a call: a table and its columns. */
const BEFORE_TABLE = ["into", "table", "exists", "with", "recursive", "references", "as", ".", "view", "schema"];
const NOT_FUNCTIONS = words(`
  in values as and or not on using exists over when then else select from where by having union all any some distinct
  filter within group interval case cast try_cast extract position substring trim overlay partition order limit lateral
  unnest varchar char character nvarchar bpchar decimal numeric timestamp timestamptz time float double precision row
  array map set is between like ilike escape end join left right grouping sets cube rollup default check primary key
  unique returning insert update delete merge with recursive qualify`);

/** Refuses calls that DuckDB would answer but the dialect's list does not hold; true when the translator is needed. */
export function checkFunctions(
  tokens: readonly Token[],
  dialect: DialectFunctions,
  known: ReadonlySet<string>,
): boolean {
  const macros = macroNames(dialect.macros);
  let translate = false;
  tokens.forEach((token, index) => {
    if (token.kind !== "word" || !is(tokens[index + 1], "(")) return;
    const name = token.text.toLowerCase();
    if (dialect.translated.has(name)) translate = true;
    if (NOT_FUNCTIONS.has(name) || dialect.same.has(name) || macros.has(name) || dialect.translated.has(name)) return;
    if (BEFORE_TABLE.some((word) => is(tokens[index - 1], word))) return;
    if (known.has(name)) throw dialect.refuse(name);
  });
  return translate;
}

/** The names of all functions this DuckDB has. */
export async function functionNames(connection: DuckDBConnection): Promise<ReadonlySet<string>> {
  return new Set(await textsOf(connection, "SELECT DISTINCT function_name FROM duckdb_functions()"));
}
