import { Decimal } from "decimal.js";
import type { Result } from "../aws/athena/result-rows.ts";
import type { Expectation } from "./params.ts";

export type Verdict =
  { readonly ok: true; readonly column: string; readonly value: string } | { readonly ok: false; readonly why: string };

const NUMBER = /^[-+]?\d+(\.\d+)?([eE][-+]?\d+)?$/;

/** Whether the first row is as expected; else both values in one sentence. Numbers are compared exactly: 10.00 equals 10. */
export function judge({ columns, rows }: Pick<Result, "columns" | "rows">, expect: Expectation): Verdict {
  const column = expect.column ?? columns[0] ?? "";
  const wanted = wantedOf(expect);
  const differs = (got: string): Verdict => ({
    ok: false,
    why: `expected ${column} to ${wanted.words} ${wanted.value}, got ${got}`,
  });
  if (!columns.includes(column))
    return { ok: false, why: `the query has no column ${column}; it has ${columns.join(", ")}` };
  const [row] = rows;
  if (!row) return differs("no row");
  const value = row[column] ?? (expect.null_as === undefined ? null : String(expect.null_as));
  if (value === null) return differs("NULL");
  return wanted.holds(value) ? { ok: true, column, value } : differs(value);
}

function wantedOf({ equals, at_most, at_least }: Expectation) {
  if (at_most !== undefined) return bound("be at most", String(at_most), (order) => order <= 0);
  if (at_least !== undefined) return bound("be at least", String(at_least), (order) => order >= 0);
  const value = String(equals);
  const holds = (got: string): boolean => got === value || compare(got, value) === 0;
  return { words: "equal", value, holds };
}

function bound(words: string, value: string, isMet: (order: number) => boolean) {
  const holds = (got: string): boolean => {
    const order = compare(got, value);
    return order !== null && isMet(order);
  };
  return { words, value, holds };
}

/** Negative, 0 or positive; null when one of them is no number. */
const compare = (a: string, b: string): number | null =>
  NUMBER.test(a) && NUMBER.test(b) ? new Decimal(a).comparedTo(b) : null;
