import { reasonOf } from "../duckdb/database.ts";

/** A statement failed in a way its user must see: DescribeStatement's Error says it as Redshift does. */
export class SqlError extends Error {}

export const syntaxError = (near: string): SqlError => new SqlError(`syntax error at or near "${near}"`);

/** What Redshift says for what DuckDB said. */
export function redshiftText(error: unknown): string {
  const reason = error instanceof SqlError ? error.message : reasonOf(error);
  const missing = /^Table with name "?([^\s"!]+)"? does not exist/.exec(reason);
  if (missing) return `ERROR: relation "${missing[1] ?? ""}" does not exist`;
  const schema = /^Schema with name "?([^\s"!]+)"? does not exist/.exec(reason);
  if (schema) return `ERROR: schema "${schema[1] ?? ""}" does not exist`;
  const column = /^Referenced column "([^"]+)" not found/.exec(reason);
  if (column) return `ERROR: column "${column[1] ?? ""}" does not exist`;
  const long = /CHECK constraint failed.*strlen\("?\w+"?\) <= (\d+)/.exec(reason);
  if (long) return `ERROR: value too long for type character varying(${long[1] ?? ""})`;
  const missingValue = /^NOT NULL constraint failed: (?:.*\.)?(\w+)$/.exec(reason);
  if (missingValue) return `ERROR: Cannot insert a NULL value into column ${missingValue[1] ?? ""}`;
  return `ERROR: ${reason}`;
}
