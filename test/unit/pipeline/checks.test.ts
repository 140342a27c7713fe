import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { days } from "../../../engine/cli/demo/raw-file.ts";
import { sampleSales } from "../../../engine/cli/demo/sample-sales.ts";
import { BUCKET, openNights, shift, type Nights } from "./nights.ts";

let nights: Nights;
beforeAll(async () => {
  nights = await openNights();
});
afterAll(() => nights.close());

/** The check's text as athena.check sends it, over what the external table would show. */
async function check(name: string, tables: readonly string[], values: Record<string, string>) {
  for (const [table, prefix] of tables.map((each) => each.split("="))) {
    await nights.query(
      `CREATE OR REPLACE VIEW ${table} AS
       SELECT * FROM read_parquet('${nights.root}/${BUCKET}/${prefix}/*/*.parquet', hive_partitioning = true, hive_types = {dt: VARCHAR})`,
    );
  }
  const text = await readFile(new URL(`../../../sql/checks/${name}.sql`, import.meta.url), "utf8");
  return nights.query(text.replaceAll(/\$\{(\w+)\}/g, (_, key: string) => values[key]!));
}

test("the checks' figures, from the curated lines, are those of the mart", async () => {
  const options = { nights: 4, firstDay: "2026-01-05", stores: 4, salesPerStore: 30 };
  for (const file of sampleSales(options)) await nights.put(file.key, file.body);
  const dates = days(options.firstDay, options.nights);
  for (const day of dates) await nights.night(day);

  for (const day of dates) {
    const values = { ds: day, first: shift(day, -8), last: shift(day, 8) };
    await nights.aggregate(day);
    const mart = await nights.query(
      `SELECT sum(net_sales)::DECIMAL(18, 2) AS net_sales FROM read_parquet('${nights.root}/${BUCKET}/mart/store_sales/dt=${day}/part-*')`,
    );
    expect(await check("curated_net_sales", ["curated_sales=curated/sales"], values)).toEqual(mart);
  }
});

test("the gate reads the night's own share of rejected lines", async () => {
  const line = (sale: number, price: string) => `${sale},S,2026-02-01,p,1,${price}\n`;
  const header = "sale_id,store_id,sold_at,product_id,quantity,unit_price\n";
  await nights.putCsv("2026-02-01", `${header}${line(1, "2.00")}${line(2, "")}${line(3, "2.00")}${line(4, "2.00")}`);
  await nights.clean("2026-02-01");

  expect(await check("rejected_share", ["quality_sales=quality/sales"], { ds: "2026-02-01" })).toEqual([
    { rejected_share: "0.250000" },
  ]);
});
