import { checkFunctions } from "../duckdb/functions.ts";
import { toDuckDb } from "../duckdb/translate.ts";
import { quoteString } from "../duckdb/database.ts";
import { afterParenthesis, is, textOf, tokenize } from "../duckdb/tokens.ts";
import type { Token } from "../duckdb/tokens.ts";
import { REDSHIFT } from "./functions.ts";
import { SqlError, syntaxError } from "./sql-error.ts";

export interface Parameter {
  readonly name: string;
  readonly value: string;
}

/** What a statement starts with that takes no parameters: Redshift binds them in queries only. */
const PARAMETERS_IN = ["select", "with", "insert", "update", "delete", "merge"];

/** The statement's tokens with `:name` given its value, as a literal whose type the context decides, as in Redshift. */
export function bind(sql: string, parameters: readonly Parameter[]): Token[] {
  const tokens = tokenize(sql);
  while (is(tokens.at(-1), ";")) tokens.pop();
  const first = tokens[0];
  if (first === undefined) throw syntaxError("end of input");
  if (tokens.some((token) => is(token, ";")))
    throw new SqlError("cannot insert multiple commands into a prepared statement");
  const values = new Map(parameters.map((parameter) => [parameter.name, parameter.value]));
  const queries = PARAMETERS_IN.some((word) => is(first, word));
  return tokens.map((token) => {
    if (token.kind !== "parameter") return token;
    const value = values.get(token.text.slice(1));
    if (value === undefined || !queries) throw syntaxError(token.text);
    return { kind: "string", before: token.before, text: quoteString(value) };
  });
}

/** Redshift's SQL as DuckDB's. `known` are the functions DuckDB has. */
export async function translate(tokens: readonly Token[], known: ReadonlySet<string>): Promise<string> {
  const top = tokens.some((token, index) => is(token, "top") && is(tokens[index - 1], "select"));
  const needsTranslator = checkFunctions(tokens, REDSHIFT, known) || top;
  const readable = needsTranslator ? tokenize(await toDuckDb(textOf(tokens), "redshift")) : tokens;
  return textOf(withSums(withTemporaryNames(readable)));
}

/** `#name` is a word only for Redshift. */
const withTemporaryNames = (tokens: readonly Token[]): Token[] =>
  tokens.map((token) =>
    token.kind === "word" && token.text.startsWith("#")
      ? { kind: "quoted", before: token.before, text: `"${token.text.toLowerCase()}"` }
      : token,
  );

/** SUM of whole numbers has a type of its own in Redshift. A macro can be neither windowed nor distinct: those stay. */
function withSums(tokens: readonly Token[]): Token[] {
  return tokens.map((token, index) => {
    if (!is(token, "sum") || !is(tokens[index + 1], "(") || is(tokens[index + 2], "distinct")) return token;
    const after = tokens[afterParenthesis(tokens, index + 1)];
    if (is(after, "over") || is(after, "filter")) return token;
    return { ...token, text: "redshift_sum" };
  });
}
