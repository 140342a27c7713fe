import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";
import type { S3Files } from "../contract.ts";
import { quoteString } from "../duckdb/database.ts";
import { TokenReader } from "../duckdb/tokens.ts";
import type { Token } from "../duckdb/tokens.ts";
import { SqlError, syntaxError } from "./sql-error.ts";

export interface UnloadStatement {
  readonly query: string;
  readonly to: string;
  readonly format: "text" | "csv" | "parquet";
  readonly delimiter: string | null;
  readonly header: boolean;
  readonly gzip: boolean;
  readonly allowOverwrite: boolean;
  readonly parallel: boolean;
}

/** UNLOAD ('select …') TO 's3://prefix' with Redshift's options; an unknown one is an error. */
export function parseUnload(tokens: readonly Token[]): UnloadStatement {
  const reader = new TokenReader(tokens, syntaxError);
  reader.expect("unload");
  const [query, more] = reader.parenthesized();
  if (query?.kind !== "string" || more !== undefined) throw syntaxError(query?.text ?? ")");
  reader.expect("to");
  const to = reader.string();
  let format: UnloadStatement["format"] = "text";
  let delimiter: string | null = null;
  const set = new Set<string>();
  let parallel = true;
  while (!reader.done) {
    const option = reader.name();
    if (option === "iam_role") {
      if (!reader.accept("default")) reader.string();
    } else if (option === "credentials" || option === "region") {
      reader.accept("as");
      reader.string();
    } else if (option === "delimiter") {
      reader.accept("as");
      delimiter = reader.string();
    } else if (option === "format") {
      reader.accept("as");
      const name = reader.name();
      if (name !== "csv" && name !== "parquet")
        throw new SqlError(`UNLOAD format ${name} is not available in local-aws`);
      format = name;
    } else if (option === "csv" || option === "parquet") format = option;
    else if (option === "parallel") parallel = !(reader.accept("off") || reader.accept("false"));
    else if (["header", "gzip", "allowoverwrite"].includes(option)) set.add(option);
    else throw new SqlError(`UNLOAD option ${option.toUpperCase()} is not available in local-aws`);
    if (option === "parallel" && parallel && !reader.accept("on")) reader.accept("true");
  }
  const quoted = query.text.slice(1, -1).replaceAll("''", "'").replaceAll("\\'", "'");
  return {
    query: quoted,
    to,
    format,
    delimiter,
    header: set.has("header"),
    gzip: set.has("gzip"),
    allowOverwrite: set.has("allowoverwrite"),
    parallel,
  };
}

/** Writes the rows of `select` (already DuckDB's dialect) and answers how many there were. */
export async function runUnload(
  connection: DuckDBConnection,
  s3: S3Files,
  unload: UnloadStatement,
  select: string,
): Promise<number> {
  if (!unload.allowOverwrite && (await s3.list(unload.to)).length > 0)
    throw new SqlError(
      "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, manually removing the target files in S3, or using the ALLOWOVERWRITE option.",
    );
  const folder = await mkdtemp(join(tmpdir(), "local-aws-unload-"));
  try {
    const file = join(folder, "part");
    const count = (await connection.run(`COPY (${select}) TO ${quoteString(file)} (${options(unload)})`)).rowsChanged;
    const ending = (unload.format === "parquet" ? ".parquet" : "") + (unload.gzip ? ".gz" : "");
    await s3.write(`${unload.to}${unload.parallel ? "0000_part_00" : "000"}${ending}`, await readFile(file));
    return count;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function options(unload: UnloadStatement): string {
  if (unload.format === "parquet") return "FORMAT parquet, COMPRESSION snappy";
  const delimiter = unload.delimiter ?? (unload.format === "csv" ? "," : "|");
  const quote = unload.format === "csv" ? "" : ", QUOTE ''";
  const header = unload.header ? "true" : "false";
  const gzip = unload.gzip ? ", COMPRESSION gzip" : "";
  return `FORMAT csv, DELIMITER ${quoteString(delimiter)}, HEADER ${header}${quote}${gzip}`;
}
