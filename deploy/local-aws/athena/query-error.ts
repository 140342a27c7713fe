import { reasonOf } from "../duckdb/database.ts";

/** A query failed in a way its user must see: its text is the StateChangeReason, beginning with Trino's error name. */
export class QueryError extends Error {}

export const syntaxError = (near: string): QueryError => new QueryError(`SYNTAX_ERROR: mismatched input '${near}'`);

const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^(Division by zero)/, "DIVISION_BY_ZERO"],
  [/^Table with name|^Catalog "[^"]*" does not exist/, "TABLE_NOT_FOUND"],
  [/^Schema with name/, "SCHEMA_NOT_FOUND"],
  [/^(Scalar|Aggregate|Table) Function with name/, "FUNCTION_NOT_FOUND"],
  [/^Referenced column|^Values list .* does not have a column/, "COLUMN_NOT_FOUND"],
  [/^Could not convert|Failed to cast|field value out of range/, "INVALID_CAST_ARGUMENT"],
  [/^syntax error/i, "SYNTAX_ERROR"],
  [/not available in local-aws/, "NOT_SUPPORTED"],
];

/** What Athena says for what DuckDB said. */
export function athenaText(error: unknown): string {
  if (error instanceof QueryError) return error.message;
  const reason = (reasonOf(error).split("\n")[0] ?? "").trim();
  const name = NAMES.find(([pattern]) => pattern.test(reason))?.[1] ?? "GENERIC_USER_ERROR";
  return `${name}: ${reason}`;
}
