import type { QueryRows } from "./run-query.ts";

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;

/** A result as Athena writes it: a header, every value quoted, NULL as nothing at all. */
export function asCsv(result: QueryRows): string {
  const header = result.columns.map((column) => quoted(column.name)).join(",");
  const lines = result.rows.map((row) => row.map((value) => (value === null ? "" : quoted(value))).join(","));
  return `${[header, ...lines].join("\n")}\n`;
}

/** The lines of a catalog statement as a result of one column. */
export function ddlRows(lines: readonly string[]): QueryRows & { scannedBytes: number } {
  const column = { name: "result", type: "varchar", precision: 0, scale: 0 };
  return { columns: lines.length > 0 ? [column] : [], rows: lines.map((line) => [line]), scannedBytes: 0 };
}
