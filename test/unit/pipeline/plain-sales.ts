import { gunzipSync } from "node:zlib";
import type { RawFile } from "../../../engine/cli/demo/raw-file.ts";

/** The pipeline's answer over raw files, worked out without SQL; money in cents. */
export interface PlainSales {
  readonly stores: { storeId: string; transactions: number; units: number; netCents: number }[];
  readonly lines: number;
  readonly duplicates: number;
  readonly rejected: number;
  /** Valid lines delivered on a later night than their own day. */
  readonly late: number;
  readonly returned: number;
  readonly discounted: number;
}

interface Kept {
  readonly store: string;
  readonly sale: string;
  readonly day: string;
  readonly quantity: number;
  readonly cents: number;
  readonly discountCents: number;
}

/** For files as the demo makes them: no quoted values, and copies of a line are copies to the letter. */
export function plainSales(files: readonly RawFile[]): PlainSales {
  const text = (file: RawFile) => Buffer.from(file.key.endsWith(".gz") ? gunzipSync(file.body) : file.body).toString();
  const rows = (file: RawFile) => text(file).trimEnd().split("\n").slice(1);
  const zones = new Map(
    rows(files.find((file) => file.key === "raw/stores/stores.csv")!).map((row) => row.split(",") as [string, string]),
  );
  const kept = new Map<string, Kept>();
  let lines = 0;
  let duplicates = 0;
  let rejected = 0;
  let late = 0;
  for (const file of files.filter((each) => each.key.endsWith("sales.csv.gz"))) {
    const night = /dt=([^/]+)/.exec(file.key)![1]!;
    // Valid lines first: a broken line with the key of a valid one is its duplicate.
    const judged = rows(file).map((row) => ({ row, line: validLine(row, zones) }));
    const seen = new Set<string>();
    for (const { row, line } of judged.toSorted((a, b) => Number(a.line === null) - Number(b.line === null))) {
      lines += 1;
      const [sale, number, store] = row.split(",");
      const key = `${store} ${sale} ${number}`;
      if (store !== "" && sale !== "" && seen.has(key)) duplicates += 1;
      else if (line === null) rejected += 1;
      else {
        if (line.day !== night) late += 1;
        if (!kept.has(`${line.day} ${key}`)) kept.set(`${line.day} ${key}`, line);
      }
      seen.add(key);
    }
  }
  const all = [...kept.values()];
  return {
    stores: totals(all),
    lines,
    duplicates,
    rejected,
    late,
    returned: all.filter((line) => line.quantity < 0).length,
    discounted: all.filter((line) => line.discountCents > 0).length,
  };
}

function validLine(row: string, zones: ReadonlyMap<string, string>): Kept | null {
  const values = row.split(",");
  const [sale = "", , store = "", soldAt = "", , quantity = "", price = "", discount = ""] = values;
  const valid = sale && store && /^-?\d+$/.test(quantity) && /^\d+\.\d\d$/.test(price) && /^\d{4}-/.test(soldAt);
  // A decimal comma, quoted, makes one value more.
  if (!valid || values.length !== 8) return null;
  const day = soldAt.endsWith("Z")
    ? new Intl.DateTimeFormat("sv-SE", { timeZone: zones.get(store)!, dateStyle: "short" }).format(new Date(soldAt))
    : soldAt.slice(0, 10);
  const cents = (money: string) => Number(money.replace(".", ""));
  return { store, sale, day, quantity: Number(quantity), cents: cents(price), discountCents: cents(discount) };
}

function totals(lines: readonly Kept[]): PlainSales["stores"] {
  const sales = new Set<string>();
  const stores = new Map<string, PlainSales["stores"][number]>();
  for (const line of lines) {
    const total = stores.get(line.store) ?? { storeId: line.store, transactions: 0, units: 0, netCents: 0 };
    const sale = `${line.store} ${line.day} ${line.sale}`;
    if (line.quantity > 0 && !sales.has(sale)) {
      sales.add(sale);
      total.transactions += 1;
    }
    total.units += line.quantity;
    total.netCents += line.quantity * line.cents - line.discountCents;
    stores.set(line.store, total);
  }
  return [...stores.values()].toSorted((a, b) => (a.storeId < b.storeId ? -1 : 1));
}
