import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DuckDBConnection } from "@duckdb/node-api";

export const DAY = "2026-03-01";
const STORES = 40;
/** The last two keep another zone and stamp their sales in UTC. */
const EASTERN = STORES - 2;

/** A number in [0, 1) that the same line always gets: `salt` tells apart what is drawn for it. */
const drawn = (salt: number, of: string): string => `((hash(${of}, ${salt}) % 1000000) / 1000000.0)`;

/**
 * One store's lines, with what the demo's samples have, as often: sales of one to five lines, 2% returned, 8% of the
 * others with a discount, 0.4% up to five days late, 0.3% broken in one of five ways, 1% delivered twice.
 */
function storeLines(store: number, lines: number): string {
  const sale = `${store} * 10000000::BIGINT + sale`;
  const line = `${store} * 100000000::BIGINT + sale * 10 + line_no`;
  const time = `TIMESTAMP '${DAY} 09:00:00' + to_minutes(CAST(floor(${drawn(3, sale)} * 720) AS BIGINT))
    - to_days(CASE WHEN ${drawn(4, sale)} < 0.004 THEN 1 + CAST(floor(${drawn(5, sale)} * 5) AS INTEGER) ELSE 0 END)`;
  const soldAt =
    store > EASTERN
      ? `strftime(${time} + INTERVAL 8 HOUR, '%Y-%m-%dT%H:%M:%SZ')`
      : `strftime(${time}, '%Y-%m-%dT%H:%M:%S')`;
  const id = `S${String(store).padStart(3, "0")}`;
  return `
    WITH sales AS (
      SELECT sale, ${drawn(2, sale)} < 0.02 AS returned, 1 + CAST(floor(${drawn(0, sale)} * ${drawn(1, sale)} * 5) AS INTEGER) AS line_count
      FROM range(${lines}) AS numbers(sale)
    ),
    lines AS (
      SELECT sale, returned, unnest(range(1, line_count + 1)) AS line_no FROM sales
    ),
    made AS (
      SELECT
        sale, line_no, returned,
        1 + CAST(floor(${drawn(6, line)} ** 3 * 4) AS INTEGER) AS quantity,
        CAST(floor(${drawn(7, line)} ** 2 * 120) AS INTEGER) AS product,
        CAST(floor(${drawn(8, line)} / 0.003 * 5) AS INTEGER) AS breakage
      FROM lines
    ),
    priced AS (SELECT *, 95 + (product * 137) % 2400 AS cents FROM made),
    written AS (
      SELECT
        '${id}-${DAY}-' || (sale + 1) AS sale_id,
        line_no,
        CASE WHEN breakage = 2 THEN '' ELSE '${id}' END AS store_id,
        CASE WHEN breakage = 3 THEN 'yesterday' ELSE ${soldAt} END AS sold_at,
        'P' || (1000 + product) AS product_id,
        CASE WHEN breakage = 1 THEN 'two' ELSE CAST(CASE WHEN returned THEN -quantity ELSE quantity END AS VARCHAR) END AS quantity,
        CASE breakage WHEN 0 THEN '' WHEN 4 THEN '12,50' ELSE printf('%.2f', cents / 100) END AS unit_price,
        printf('%.2f', CASE WHEN NOT returned AND ${drawn(9, line)} < 0.08 THEN floor(cents * quantity / 10) / 100 ELSE 0 END) AS discount,
        CASE WHEN ${drawn(10, line)} < 0.01 THEN 2 ELSE 1 END AS times
      FROM priced
    )
    SELECT * EXCLUDE (times, n) FROM (SELECT *, unnest(range(times)) AS n FROM written) LIMIT ${lines}`;
}

/** Lays `lines` raw sale lines of one night below `bucket`, a gzip file a store, with the list of stores and the marker. */
export async function writeSales(connection: DuckDBConnection, bucket: string, lines: number): Promise<void> {
  const raw = join(bucket, `raw/sales/dt=${DAY}`);
  await mkdir(raw, { recursive: true });
  await mkdir(join(bucket, "raw/stores"), { recursive: true });
  const stores = ["store_id,timezone"];
  for (let store = 1; store <= STORES; store++) {
    const id = `S${String(store).padStart(3, "0")}`;
    stores.push(`${id},${store > EASTERN ? "America/Los_Angeles" : "America/New_York"}`);
    const count = Math.floor((lines * store) / STORES) - Math.floor((lines * (store - 1)) / STORES);
    const file = join(raw, `${id}.csv.gz`);
    await connection.run(`COPY (${storeLines(store, count)}) TO '${file}' (FORMAT csv, HEADER, COMPRESSION gzip)`);
  }
  await writeFile(join(bucket, "raw/stores/stores.csv"), `${stores.join("\n")}\n`);
  await writeFile(join(raw, "_SUCCESS"), "");
}
