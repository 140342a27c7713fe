import { QueryError } from "./query-error.ts";

const SIMPLE: Readonly<Record<string, string>> = {
  string: "VARCHAR",
  varchar: "VARCHAR",
  char: "VARCHAR",
  tinyint: "TINYINT",
  smallint: "SMALLINT",
  int: "INTEGER",
  integer: "INTEGER",
  bigint: "BIGINT",
  float: "FLOAT",
  double: "DOUBLE",
  boolean: "BOOLEAN",
  date: "DATE",
  timestamp: "TIMESTAMP",
  binary: "BLOB",
};

/** A column's type of the catalog ("decimal(18,2)", "array<string>") as DuckDB's. */
export function duckDbType(type: string): string {
  const text = type.toLowerCase().replaceAll(/\s+/g, "");
  const simple = SIMPLE[text.replace(/^(varchar|char)\(\d+\)$/, "$1")];
  if (simple !== undefined) return simple;
  if (text === "decimal") return "DECIMAL(10,0)";
  if (/^decimal\(\d+(,\d+)?\)$/.test(text)) return text.includes(",") ? text.toUpperCase() : text.replace(")", ",0)");
  const element = /^array<(.+)>$/.exec(text)?.[1];
  if (element !== undefined) return `${duckDbType(element)}[]`;
  throw new QueryError(`NOT_SUPPORTED: the type ${type} is not available in local-aws`);
}

const TRINO: Readonly<Record<string, readonly [name: string, precision: number]>> = {
  BOOLEAN: ["boolean", 0],
  TINYINT: ["tinyint", 3],
  SMALLINT: ["smallint", 5],
  INTEGER: ["integer", 10],
  BIGINT: ["bigint", 19],
  // Only SUM makes it, and Trino's SUM of whole numbers is a bigint.
  HUGEINT: ["bigint", 19],
  FLOAT: ["float", 17],
  DOUBLE: ["double", 17],
  DATE: ["date", 0],
  TIMESTAMP: ["timestamp", 3],
  "TIMESTAMP WITH TIME ZONE": ["timestamp with time zone", 3],
  BLOB: ["varbinary", 1073741824],
};

export interface ColumnType {
  readonly type: string;
  readonly precision: number;
  readonly scale: number;
}

/** DuckDB's type as a result's ColumnInfo names it. */
export function resultType(type: string): ColumnType {
  const decimal = /^DECIMAL\((\d+), ?(\d+)\)$/.exec(type);
  if (decimal) return { type: "decimal", precision: Number(decimal[1]), scale: Number(decimal[2]) };
  if (type.endsWith("[]")) return { type: "array", precision: 0, scale: 0 };
  const [name, precision] = TRINO[type] ?? ["varchar", 2147483647];
  return { type: name, precision, scale: 0 };
}

/** A value as Athena prints it; null stays null. */
export function printed(value: unknown, type: string): string | null {
  if (value === null || value === undefined) return null;
  if (type === "DOUBLE" || type === "FLOAT") return javaDouble(Number(value));
  if (typeof value === "string") {
    if (type === "TIMESTAMP") return withMilliseconds(value);
    if (type === "TIMESTAMP WITH TIME ZONE") return `${withMilliseconds(value.replace(/\+00(:00)?$/, ""))} UTC`;
    return value;
  }
  if (Array.isArray(value)) {
    const element = type.replace(/\[\]$/, "");
    return `[${value.map((item) => printed(item, element) ?? "null").join(", ")}]`;
  }
  return JSON.stringify(value);
}

function withMilliseconds(timestamp: string): string {
  const [whole = "", fraction = ""] = timestamp.split(".");
  return `${whole}.${fraction.padEnd(3, "0").slice(0, 3)}`;
}

/** Java's Double.toString: at least one decimal, and an exponent below 10^-3 and from 10^7 on. */
function javaDouble(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-3 && size < 1e7)) return Number.isInteger(value) ? value.toFixed(1) : String(value);
  const [digits = "", exponent = ""] = value.toExponential().split("e");
  return `${digits.includes(".") ? digits : `${digits}.0`}E${Number(exponent)}`;
}
