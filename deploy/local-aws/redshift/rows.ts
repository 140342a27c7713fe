import type { DuckDBMaterializedResult } from "@duckdb/node-api";

/** One column as ColumnMetadata, and the member of Field that carries its values. */
export interface ResultColumn {
  readonly name: string;
  readonly typeName: string;
  readonly precision: number;
  readonly scale: number;
  readonly field: "booleanValue" | "longValue" | "doubleValue" | "stringValue";
}

/** A statement's result as it is stored: values are what Field holds, null is isNull. */
export interface ResultRows {
  readonly columns: readonly ResultColumn[];
  readonly rows: readonly (readonly (string | number | boolean | null)[])[];
}

type Shape = Omit<ResultColumn, "name">;
const shape = (typeName: string, field: ResultColumn["field"], precision: number, scale = 0): Shape => ({
  typeName,
  field,
  precision,
  scale,
});

const SHAPES: Readonly<Record<string, Shape>> = {
  BOOLEAN: shape("bool", "booleanValue", 1),
  TINYINT: shape("int2", "longValue", 5),
  SMALLINT: shape("int2", "longValue", 5),
  INTEGER: shape("int4", "longValue", 10),
  BIGINT: shape("int8", "longValue", 19),
  FLOAT: shape("float4", "doubleValue", 8, 8),
  DOUBLE: shape("float8", "doubleValue", 17, 17),
  HUGEINT: shape("numeric", "stringValue", 38),
  DATE: shape("date", "stringValue", 13),
  TIMESTAMP: shape("timestamp", "stringValue", 29, 6),
  "TIMESTAMP WITH TIME ZONE": shape("timestamptz", "stringValue", 35, 6),
};

function shapeOf(type: string): Shape {
  const decimal = /^DECIMAL\((\d+), ?(\d+)\)$/.exec(type);
  if (decimal) return shape("numeric", "stringValue", Number(decimal[1]), Number(decimal[2]));
  return SHAPES[type] ?? shape("varchar", "stringValue", 65535);
}

/** Redshift names a column nobody named after its function, lower case, and else ?column?. */
export function columnLabel(name: string): string {
  const inner = /^CAST\((.*) AS [A-Z0-9(), ]+\)$/i.exec(name)?.[1] ?? name;
  const call = /^"?(\w+)"?\(.*\)$/s.exec(inner)?.[1]?.toLowerCase();
  if (call === "count_star") return "count";
  if (call === "redshift_sum") return "sum";
  return call ?? (/^\w+$/.test(inner) || inner === name ? inner.toLowerCase() : "?column?");
}

export async function resultRows(result: DuckDBMaterializedResult): Promise<ResultRows> {
  const types = result.columnTypes().map(String);
  const columns = result
    .columnNames()
    .map((name, index) => ({ name: columnLabel(name), ...shapeOf(types[index] ?? "") }));
  const rows = (await result.getRowsJson()).map((row) =>
    row.map((value, index) => {
      if (value === null || value === undefined) return null;
      if (columns[index]?.field === "longValue" || columns[index]?.field === "doubleValue") return Number(value);
      if (typeof value === "boolean") return value;
      const text = typeof value === "string" ? value : JSON.stringify(value);
      return types[index] === "TIMESTAMP WITH TIME ZONE" ? text.replace(/\+00(:00)?$/, "+00") : text;
    }),
  );
  return { columns, rows };
}
