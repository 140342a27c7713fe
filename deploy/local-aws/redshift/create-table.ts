import { quoteName } from "../duckdb/database.ts";
import { is, splitAtCommas, textOf, TokenReader, valueOf } from "../duckdb/tokens.ts";
import type { Token } from "../duckdb/tokens.ts";
import { SqlError, syntaxError } from "./sql-error.ts";

/**
 * CREATE TABLE as DuckDB takes it: storage clauses dropped, keys dropped (Redshift does not enforce them), lengths of
 * VARCHAR kept as checks (DuckDB ignores them), IDENTITY as a sequence. Null when the statement is not CREATE TABLE.
 */
export function createTable(tokens: readonly Token[]): string[] | null {
  const reader = new TokenReader(tokens, syntaxError);
  reader.expect("create");
  reader.accept("local");
  let temporary = reader.accept("temp") || reader.accept("temporary");
  if (!reader.accept("table")) return null;
  const ifNotExists = reader.accept("if", "not", "exists");
  const parts = reader.qualifiedName();
  temporary ||= parts.at(-1)?.startsWith("#") ?? false;
  const name = parts.map(quoteName).join(".");
  const head = `CREATE ${temporary ? "TEMP " : ""}TABLE ${ifNotExists ? "IF NOT EXISTS " : ""}${name}`;

  if (is(reader.peek(), "(") && !isQuery(reader.peek(1))) {
    const body = reader.parenthesized();
    if (is(body[0], "like")) {
      skipTableClauses(reader);
      const like = new TokenReader(body.slice(1), syntaxError).qualifiedName();
      return [`${head} AS SELECT * FROM ${like.map(quoteName).join(".")} LIMIT 0`];
    }
    if (!reader.done && !is(reader.peek(), "as")) skipTableClauses(reader);
    if (!reader.done) throw reader.error();
    const before: string[] = [];
    const columns = splitAtCommas(body).flatMap((part) => columnDefinition(part, parts, temporary, before));
    return [...before, `${head} (${columns.join(", ")})`];
  }
  skipTableClauses(reader);
  reader.expect("as");
  return [`${head} AS${textOf(reader.rest())}`];
}

const isQuery = (token: Token | undefined): boolean => is(token, "select") || is(token, "with");

function skipTableClauses(reader: TokenReader): void {
  for (;;) {
    if (reader.accept("diststyle")) reader.next();
    else if (reader.accept("backup") || reader.accept("encode")) reader.next();
    else if (reader.accept("distkey") || reader.accept("sortkey")) reader.parenthesized();
    else if (reader.accept("compound") || reader.accept("interleaved")) continue;
    else return;
  }
}

function columnDefinition(part: readonly Token[], table: readonly string[], temp: boolean, before: string[]): string[] {
  const reader = new TokenReader(part, syntaxError);
  if (["primary", "unique", "foreign", "constraint"].some((word) => is(reader.peek(), word))) return [];
  const name = reader.name();
  const { type, check } = columnType(reader, name);
  let rest = "";
  while (!reader.done) {
    if (reader.accept("not", "null")) rest += " NOT NULL";
    else if (reader.accept("null") || reader.accept("unique") || reader.accept("primary", "key")) continue;
    else if (reader.accept("distkey") || reader.accept("sortkey")) continue;
    else if (reader.accept("encode") || reader.accept("collate")) reader.next();
    else if (reader.accept("references")) {
      reader.qualifiedName();
      if (is(reader.peek(), "(")) reader.parenthesized();
    } else if (reader.accept("default")) rest += ` DEFAULT (${textOf(defaultValue(reader))})`;
    else if (is(reader.peek(), "identity") || is(reader.peek(), "generated"))
      rest += ` DEFAULT nextval('${identity(reader, name, table, temp, before)}')`;
    else throw reader.error();
  }
  return [`${quoteName(name)} ${type}${rest}${check}`];
}

const WIDE = ["varchar", "nvarchar", "char", "character", "nchar", "bpchar", "text"];

/** Lengths count bytes. Types DuckDB does not have, or has under another name, are refused or renamed. */
function columnType(reader: TokenReader, column: string): { type: string; check: string } {
  const name = reader.name();
  if (["super", "geometry", "geography", "hllsketch"].includes(name))
    throw new SqlError(`type ${name} is not available in local-aws`);
  if (WIDE.includes(name)) {
    reader.accept("varying");
    const given = is(reader.peek(), "(") ? reader.parenthesized().map(valueOf).join("") : name === "text" ? "256" : "";
    const length = given === "" ? (name.endsWith("char") && !name.includes("var") ? "1" : "256") : given;
    return {
      type: "VARCHAR",
      check: ` CHECK (strlen(${quoteName(column)}) <= ${length.toLowerCase() === "max" ? "65535" : length})`,
    };
  }
  if (name === "double" || name === "float" || name === "float8") {
    reader.accept("precision");
    return { type: "DOUBLE", check: "" };
  }
  const size = is(reader.peek(), "(") ? `(${textOf(reader.parenthesized())})` : "";
  if (name === "numeric" || name === "decimal") return { type: `DECIMAL${size === "" ? "(18, 0)" : size}`, check: "" };
  if (reader.accept("with", "time", "zone")) return { type: "TIMESTAMPTZ", check: "" };
  reader.accept("without", "time", "zone");
  return { type: name === "varbyte" ? "BLOB" : name, check: "" };
}

const AFTER_DEFAULT = ["not", "null", "encode", "distkey", "sortkey", "primary", "unique", "references", "collate"];

function defaultValue(reader: TokenReader): Token[] {
  const taken: Token[] = [reader.next()];
  while (!reader.done && !AFTER_DEFAULT.some((word) => is(reader.peek(), word))) taken.push(reader.next());
  return taken;
}

function identity(
  reader: TokenReader,
  column: string,
  table: readonly string[],
  temp: boolean,
  before: string[],
): string {
  if (reader.accept("generated")) {
    if (!reader.accept("by", "default", "as")) reader.expect("always", "as");
  }
  reader.expect("identity");
  const [seed = "1", step = "1"] = splitAtCommas(reader.parenthesized()).map((part) => textOf(part).trim());
  const sequence = [...table.slice(0, -1), `${table.at(-1) ?? ""}_${column}_identity`].map(quoteName).join(".");
  before.push(`CREATE ${temp ? "TEMP " : ""}SEQUENCE IF NOT EXISTS ${sequence} START ${seed} INCREMENT ${step}`);
  return sequence.replaceAll("'", "''");
}

/** ALTER TABLE … ADD COLUMN with Redshift's own words for storage dropped. */
export function alterTable(tokens: readonly Token[]): string {
  const kept: Token[] = [];
  for (let index = 0; index < tokens.length; index++) {
    if (is(tokens[index], "encode")) index++;
    else kept.push(tokens[index] as Token);
  }
  return textOf(kept);
}
