import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseColumns } from "../../engine/cli/demo/column-map.ts";
import { stageCsv } from "../../engine/cli/demo/stage-csv.ts";
import { days } from "../../engine/cli/demo/raw-file.ts";
import { openNights, type Nights } from "../unit/pipeline/nights.ts";

const FILE = fileURLToPath(new URL("../../../shared/data/coffee_shop_sales_2023.csv", import.meta.url));
const COLUMNS =
  "sale_id=transaction_id,store_id=store_id,sold_at=transaction_date+transaction_time,product_id=product_id,quantity=transaction_qty,unit_price=unit_price";

let nights: Nights;
beforeAll(async () => {
  nights = await openNights();
});
afterAll(() => nights.close());

test.skipIf(!existsSync(FILE))(
  "half a year of a coffee shop's sales comes out to the cent",
  { timeout: 120_000 },
  async () => {
    const from = "2023-01-01";
    const to = "2023-06-30";
    for await (const file of stageCsv({ file: FILE, columns: parseColumns(COLUMNS), from, to }))
      await nights.put(file.key, file.body);

    for (const day of days(from, 181)) await nights.night(day);

    const root = `${nights.root}/acme-sales`;
    expect(
      await nights.query(
        `SELECT store_id, sum(transactions)::INT AS transactions, sum(units)::INT AS units, sum(net_sales)::VARCHAR AS net_sales
       FROM read_parquet('${root}/mart/store_sales/*/*.parquet') GROUP BY ALL ORDER BY store_id`,
      ),
    ).toEqual([
      { store_id: "3", transactions: 3966, units: 5471, net_sales: "27897.05" },
      { store_id: "5", transactions: 3498, units: 4857, net_sales: "24203.10" },
      { store_id: "8", transactions: 2436, units: 3313, net_sales: "16726.75" },
    ]);
    expect(
      await nights.query(
        `SELECT sum(duplicate_lines)::INT AS duplicates, sum(rejected_lines)::INT AS rejected, round(max(rejected_share), 3)::VARCHAR AS worst
       FROM read_parquet('${root}/quality/sales/*/*.parquet')`,
      ),
    ).toEqual([{ duplicates: 100, rejected: 100, worst: "0.049" }]);
  },
);
