import { NocturneError, type Problem } from "../../core/errors.ts";
import { nearest } from "../../core/similar.ts";

const REQUIRED = ["sale_id", "store_id", "sold_at", "product_id", "quantity", "unit_price"] as const;
const OPTIONAL = ["line_no", "discount"] as const;
const FIELDS = [
  "sale_id",
  "line_no",
  "store_id",
  "sold_at",
  "product_id",
  "quantity",
  "unit_price",
  "discount",
] as const;
export type Field = (typeof FIELDS)[number];

/** For each field of the pipeline the columns of someone's file that make it; several are joined with a space. */
export type ColumnMap = ReadonlyMap<Field, readonly string[]>;

/** Reads `sale_id=transaction_id,sold_at=date+time,…`. Throws a NocturneError with every problem. */
export function parseColumns(text: string): ColumnMap {
  const given = new Map<Field, readonly string[]>();
  const problems: Problem[] = [];
  const usage = (message: string, didYouMean?: string) =>
    problems.push({ code: "USAGE", message: `--columns: ${message}`, ...(didYouMean ? { didYouMean } : {}) });
  for (const pair of text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")) {
    const [name = "", ...rest] = pair.split("=");
    const columns = rest
      .join("=")
      .split("+")
      .map((column) => column.trim());
    const field = FIELDS.find((known) => known === name.trim());
    if (rest.length === 0) usage(`"${pair}" is not of the form field=column`);
    else if (!field)
      usage(`there is no field ${name.trim()}; fields are ${FIELDS.join(", ")}`, nearest(name.trim(), FIELDS));
    else if (given.has(field)) usage(`${field} is named twice`);
    else if (columns.includes("")) usage(`${field} names no column`);
    else given.set(field, columns);
  }
  const missing = REQUIRED.filter((field) => !given.has(field));
  if (missing.length > 0) usage(`${missing.join(", ")} must be named too (${OPTIONAL.join(" and ")} may be left out)`);
  if (problems.length > 0) throw new NocturneError(problems);
  return new Map(FIELDS.flatMap((field) => (given.has(field) ? [[field, given.get(field)!] as const] : [])));
}
