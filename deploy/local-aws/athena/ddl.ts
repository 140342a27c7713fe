import type { S3Files } from "../contract.ts";
import { is, textOf, TokenReader, valueOf } from "../duckdb/tokens.ts";
import type { Token } from "../duckdb/tokens.ts";
import type { Catalog, CatalogColumn, CatalogTable } from "./catalog.ts";
import { formatOf } from "./glue-catalog.ts";
import { partitionsOnDisk } from "./partitions.ts";
import { QueryError, syntaxError } from "./query-error.ts";
import { duckDbType } from "./types.ts";

export interface DdlContext {
  readonly catalog: Catalog;
  readonly s3: S3Files;
  readonly database: string;
  readonly now: number;
}

/** Whether the statement is one of the catalog's, and not a query. */
export const isDdl = (tokens: readonly Token[]): boolean =>
  ["create", "drop", "show", "msck", "alter", "describe"].some((word) => is(tokens[0], word));

/** Runs a statement of the catalog and answers its lines, as Athena shows them. */
export async function runDdl(tokens: readonly Token[], context: DdlContext): Promise<string[]> {
  const reader = new TokenReader(tokens, syntaxError);
  const { catalog } = context;
  const named = (): { database: string; name: string } => {
    const parts = reader.qualifiedName().filter((part) => part !== "awsdatacatalog");
    return { database: parts.length > 1 ? (parts[0] ?? "") : context.database, name: parts.at(-1) ?? "" };
  };
  const existing = (): CatalogTable => {
    const { database, name } = named();
    const table = catalog.table(database, name);
    if (table === null)
      throw new QueryError(`FAILED: SemanticException [Error 10001]: Table not found ${database}.${name}`);
    return table;
  };
  const end = (): void => {
    if (!reader.done) throw reader.error();
  };

  if (reader.accept("create", "database") || reader.accept("create", "schema")) {
    const quiet = reader.accept("if", "not", "exists");
    const name = reader.name();
    if (reader.accept("comment")) reader.string();
    if (reader.accept("location")) reader.string();
    end();
    if (!catalog.databases().includes(name)) catalog.createDatabase(name, context.now);
    else if (!quiet) throw new QueryError(`FAILED: SemanticException Database ${name} already exists`);
    return [];
  }
  if (reader.accept("create", "external", "table")) {
    const quiet = reader.accept("if", "not", "exists");
    const table = externalTable(reader, named(), context.now);
    if (catalog.table(table.database, table.name) === null) catalog.createTable(table);
    else if (!quiet) throw new QueryError(`FAILED: SemanticException Table ${table.name} already exists`);
    return [];
  }
  if (reader.accept("drop", "database") || reader.accept("drop", "schema")) {
    const quiet = reader.accept("if", "exists");
    const name = reader.name();
    end();
    if (catalog.databases().includes(name)) catalog.dropDatabase(name);
    else if (!quiet) throw new QueryError(`FAILED: SemanticException Database does not exist: ${name}`);
    return [];
  }
  if (reader.accept("drop", "table")) {
    const quiet = reader.accept("if", "exists");
    const { database, name } = named();
    end();
    const table = catalog.table(database, name);
    if (table !== null) catalog.dropTable(table);
    else if (!quiet) throw new QueryError(`FAILED: SemanticException [Error 10001]: Table not found ${name}`);
    return [];
  }
  if (reader.accept("show", "databases") || reader.accept("show", "schemas")) {
    end();
    return catalog.databases();
  }
  if (reader.accept("show", "tables")) {
    const database = reader.accept("in") || reader.accept("from") ? reader.name() : context.database;
    end();
    return catalog.tables(database).map((table) => table.name);
  }
  if (reader.accept("show", "partitions")) {
    const table = existing();
    end();
    const shown = (values: readonly string[]): string =>
      table.partitionKeys.map((key, index) => `${key.name}=${values[index] ?? ""}`).join("/");
    return catalog.partitions(table).map((partition) => shown(partition.values));
  }
  if (reader.accept("describe")) {
    const table = existing();
    end();
    return [...table.columns, ...table.partitionKeys].map((column) => `${column.name}\t${column.type}`);
  }
  if (reader.accept("msck", "repair", "table")) {
    const table = existing();
    end();
    catalog.addPartitions(table, await partitionsOnDisk(context.s3, table));
    return [];
  }
  if (reader.accept("alter", "table")) {
    const table = existing();
    reader.expect("add");
    reader.accept("if", "not", "exists");
    while (reader.accept("partition")) addPartition(reader, table, catalog);
    end();
    return [];
  }
  throw new QueryError(`NOT_SUPPORTED: ${textOf(tokens.slice(0, 3)).trim()} is not available in local-aws`);
}

function addPartition(reader: TokenReader, table: CatalogTable, catalog: Catalog): void {
  const given = new TokenReader(reader.parenthesized(), syntaxError);
  const values = new Map<string, string>();
  do {
    const key = given.name();
    given.expect("=");
    values.set(key, valueOf(given.next()));
  } while (given.accept(","));
  const list = table.partitionKeys.map((key) => values.get(key.name) ?? "");
  const path = table.partitionKeys.map((key, index) => `${key.name}=${list[index] ?? ""}`).join("/");
  const location = reader.accept("location") ? reader.string() : `${table.location.replace(/\/$/, "")}/${path}/`;
  catalog.addPartitions(table, [{ values: list, location }]);
}

function externalTable(reader: TokenReader, name: { database: string; name: string }, createdAt: number): CatalogTable {
  const columns = columnList(reader.parenthesized());
  let partitionKeys: CatalogColumn[] = [];
  let format: CatalogTable["format"] = "text";
  let delimiter: string | null = null;
  let location: string | null = null;
  let properties: Record<string, string> = {};
  while (!reader.done) {
    if (reader.accept("comment")) reader.string();
    else if (reader.accept("partitioned", "by")) partitionKeys = columnList(reader.parenthesized());
    else if (reader.accept("row", "format", "delimited")) delimiter ??= "\u0001";
    else if (reader.accept("fields", "terminated", "by")) delimiter = reader.string().replace("\\t", "\t");
    else if (reader.accept("lines", "terminated", "by")) reader.string();
    else if (reader.accept("row", "format", "serde")) {
      const serde = reader.string();
      const known = formatOf(serde);
      if (known === null) throw new QueryError(`NOT_SUPPORTED: the SerDe ${serde} is not available in local-aws`);
      format = known;
      if (reader.accept("with", "serdeproperties")) {
        const given = propertyList(reader.parenthesized());
        delimiter = given["separatorChar"] ?? given["field.delim"] ?? given["serialization.format"] ?? null;
      }
    } else if (reader.accept("stored", "as", "parquet")) format = "parquet";
    else if (reader.accept("stored", "as", "textfile")) continue;
    else if (reader.accept("location")) location = reader.string();
    else if (reader.accept("tblproperties")) properties = propertyList(reader.parenthesized());
    else throw reader.error();
  }
  if (location === null) throw new QueryError("FAILED: SemanticException LOCATION is required for an external table");
  return { ...name, columns, partitionKeys, location, format, delimiter: delimiter ?? ",", properties, createdAt };
}

/** `name type [COMMENT '…']`, commas of types such as map<a,b> and decimal(18,2) not counted. */
function columnList(tokens: readonly Token[]): CatalogColumn[] {
  const columns: CatalogColumn[] = [];
  const reader = new TokenReader(tokens, syntaxError);
  while (!reader.done) {
    const name = reader.name();
    let type = "";
    let depth = 0;
    while (!reader.done && !(depth === 0 && (is(reader.peek(), ",") || is(reader.peek(), "comment")))) {
      const token = reader.next();
      if (["(", "<"].includes(token.text)) depth++;
      if ([")", ">"].includes(token.text)) depth--;
      type += token.text.toLowerCase();
    }
    if (reader.accept("comment")) reader.string();
    duckDbType(type);
    columns.push({ name, type });
    if (!reader.done) reader.expect(",");
  }
  return columns;
}

function propertyList(tokens: readonly Token[]): Record<string, string> {
  const reader = new TokenReader(tokens, syntaxError);
  const properties: Record<string, string> = {};
  while (!reader.done) {
    const key = reader.string();
    reader.expect("=");
    properties[key] = reader.string();
    if (!reader.done) reader.expect(",");
  }
  return properties;
}
