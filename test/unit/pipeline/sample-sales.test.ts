import { afterAll, beforeAll, expect, test } from "vitest";
import { days } from "../../../engine/cli/demo/raw-file.ts";
import { sampleSales } from "../../../engine/cli/demo/sample-sales.ts";
import { openNights, type Nights } from "./nights.ts";
import { plainSales } from "./plain-sales.ts";

const OPTIONS = { nights: 6, firstDay: "2026-01-05", stores: 8, salesPerStore: 25 };

let nights: Nights;
beforeAll(async () => {
  nights = await openNights();
});
afterAll(() => nights.close());

test("the same options give the same bytes, and another seed gives others", () => {
  const bytes = (seed: number) =>
    [...sampleSales({ ...OPTIONS, seed })].map((file) => [file.key, Buffer.from(file.body).toString("hex")]);

  expect(bytes(1)).toEqual(bytes(1));
  expect(bytes(1)).not.toEqual(bytes(2));
});

test("the demo's files have what the pipeline is there for", () => {
  const plain = plainSales([...sampleSales({ nights: 14, firstDay: "2026-01-05" })]);

  expect(plain.stores.length).toBe(40);
  expect(plain.lines).toBeGreaterThan(30_000);
  expect(plain.duplicates / plain.lines).toBeCloseTo(0.01, 2);
  expect(plain.rejected / plain.lines).toBeCloseTo(0.003, 3);
  expect(plain.late).toBeGreaterThan(50);
  expect(plain.returned).toBeGreaterThan(100);
  expect(plain.discounted).toBeGreaterThan(1000);
});

test("the SQL comes to what plain TypeScript comes to", async () => {
  const files = [...sampleSales(OPTIONS)];
  for (const file of files) await nights.put(file.key, file.body);

  for (const day of days(OPTIONS.firstDay, OPTIONS.nights)) await nights.night(day);

  const plain = plainSales(files);
  const [counts] = await nights.query(
    `SELECT sum(read_lines)::INT AS lines, sum(duplicate_lines)::INT AS duplicates, sum(rejected_lines)::INT AS rejected
     FROM read_parquet('${nights.root}/acme-sales/quality/sales/*/*.parquet')`,
  );
  expect(counts).toEqual({ lines: plain.lines, duplicates: plain.duplicates, rejected: plain.rejected });
  expect(totals(await nights.mart())).toEqual(plain.stores);
});

/** Per store over all days, in cents. */
function totals(mart: Awaited<ReturnType<Nights["mart"]>>) {
  const stores = new Map<string, { storeId: string; transactions: number; units: number; netCents: number }>();
  for (const row of mart) {
    const storeId = row["store_id"] as string;
    const total = stores.get(storeId) ?? { storeId, transactions: 0, units: 0, netCents: 0 };
    total.transactions += Number(row["transactions"]);
    total.units += Number(row["units"]);
    total.netCents += Math.round(Number(row["net_sales"]) * 100);
    stores.set(storeId, total);
  }
  return [...stores.values()].toSorted((a, b) => (a.storeId < b.storeId ? -1 : 1));
}
