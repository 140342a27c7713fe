import type * as Polyglot from "@polyglot-sql/sdk";

/** The translator takes 0.2 s and 24 MB to load, and most statements never need it. */
let loading: Promise<typeof Polyglot> | undefined;

/** One statement in another dialect as DuckDB's. Only for forms that were tried: it also turns some silently wrong. */
export async function toDuckDb(sql: string, dialect: "redshift" | "athena"): Promise<string> {
  loading ??= import("@polyglot-sql/sdk");
  const { transpile, Dialect } = await loading;
  const result = transpile(sql, dialect === "redshift" ? Dialect.Redshift : Dialect.Athena, Dialect.DuckDB);
  const statement = result.sql?.[0];
  if (!result.success || statement === undefined) throw new Error(result.error ?? "the statement was not understood");
  return statement;
}
