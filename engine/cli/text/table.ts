import { displayWidth, pad } from "./width.ts";

export interface Column {
  readonly title: string;
  /** Figures stand on the right. */
  readonly side?: "left" | "right";
}

/** A table for people: a line of titles, then one line a row, columns two spaces apart. No row: only the titles. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const widths = columns.map((column, index) =>
    Math.max(displayWidth(column.title), ...rows.map((row) => displayWidth(row[index] ?? ""))),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map((column, index) => pad(cells[index] ?? "", widths[index] ?? 0, column.side ?? "left"))
      .join("  ")
      .trimEnd();
  return [line(columns.map((column) => column.title)), ...rows.map(line)];
}
