import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openSqlRunner } from "../../../deploy/local-aws/runner/run-sql.ts";
import { BUCKET, aggregateArguments, cleanArguments, openNights, type Nights } from "./nights.ts";

const DAY = "2026-03-10";
const RAW = `raw/sales/dt=${DAY}`;
const REQUIRED = "sale_id,store_id,sold_at,product_id,quantity,unit_price";

let nights: Nights;
beforeAll(async () => {
  nights = await openNights();
});
beforeEach(() => nights.clear());
afterAll(() => nights.close());

const curated = () =>
  nights.rows(`curated/sales/dt=${DAY}/`, { columns: "sale_id, line_no, quantity, unit_price, discount" });
const objects = (prefix: string) => readdir(join(nights.root, BUCKET, prefix));

test("CSV columns are found by name, in any order and letters, in each file for itself", async () => {
  await nights.put(
    `${RAW}/a.csv`,
    `Unit_Price,QUANTITY,store_id,sold_at,note,product_id,sale_id\n1.00,1,S,${DAY},"x, y",p,a\n`,
  );
  await nights.put(`${RAW}/b.csv.gz`, gzipSync(`\uFEFF${REQUIRED},discount,line_no\r\nb,S,${DAY},p,2,3.00,0.50,2\r\n`));

  await nights.clean(DAY);

  expect(await curated()).toEqual([
    { sale_id: "a", line_no: 1, quantity: 1, unit_price: "1.00", discount: "0.00" },
    { sale_id: "b", line_no: 2, quantity: 2, unit_price: "3.00", discount: "0.50" },
  ]);
});

test("JSON lines are read by key, and a line that is no object is rejected", async () => {
  await nights.put(
    `${RAW}/sales.json`,
    `{"sale_id":1,"store_id":"S","sold_at":"${DAY}T10:00:00","product_id":"p","quantity":2,"unit_price":3.5}\nnonsense\n`,
  );

  await nights.clean(DAY, { format: "json" });

  expect(await curated()).toEqual([{ sale_id: "1", line_no: 1, quantity: 2, unit_price: "3.50", discount: "0.00" }]);
  expect(await nights.rows(`rejected/sales/dt=${DAY}/`, { columns: "reason" })).toEqual([{ reason: "missing_key" }]);
});

test("Parquet is read by column, whatever the columns' types", async () => {
  await nights.put(`${RAW}/sales.parquet`, "");
  await nights.query(
    `COPY (SELECT 1::BIGINT AS sale_id, 'S' AS store_id, TIMESTAMP '${DAY} 10:00:00' AS sold_at, 5 AS product_id, 2::DOUBLE AS quantity, 12345678.5::DOUBLE AS unit_price)
     TO '${nights.root}/${BUCKET}/${RAW}/sales.parquet' (FORMAT parquet)`,
  );

  await nights.clean(DAY, { format: "parquet" });

  expect(await curated()).toEqual([
    { sale_id: "1", line_no: 1, quantity: 2, unit_price: "12345678.50", discount: "0.00" },
  ]);
});

test("a missing column is named with its file and the columns that are there", async () => {
  await nights.putCsv(DAY, `sale_id,store_id,sold_at,product_id,quantity,price\n1,S,${DAY},p,1,2.00\n`);

  await expect(nights.clean(DAY)).rejects.toThrow(
    `input sales: column unit_price is missing in s3://${BUCKET}/${RAW}/sales.csv; its columns are sale_id, store_id, sold_at, product_id, quantity, price`,
  );
});

test("a line with too few or too many values does not move its neighbours", async () => {
  await nights.putCsv(DAY, `${REQUIRED}\n1,S,${DAY},p,1,2.00\n2,S\n3,S,${DAY},p,1,2.00,9,9\n`);

  await nights.clean(DAY);

  expect((await curated()).map((row) => row["sale_id"])).toEqual(["1", "3"]);
});

test("a quote that does not close on its line takes no other line with it", async () => {
  const line = (sale: string, product = "p") => `${sale},S,${DAY},${product},1,2.00\n`;
  await nights.put(`${RAW}/a.csv`, `${REQUIRED}\n${line("1", '"p')}${line("2")}${line('"3')}${line("4", '5" disc')}`);
  await nights.put(
    `${RAW}/b.csv.gz`,
    gzipSync(`${REQUIRED}\n${line("5")}${line("6", '"p')}${line("7", '"a ""b"", c"')}`),
  );

  await nights.clean(DAY);

  expect((await curated()).map((row) => row["sale_id"])).toEqual(["2", "4", "5", "7"]);
  expect(await nights.rows(`rejected/sales/dt=${DAY}/`, { columns: "sale_id, product_id, reason" })).toEqual([
    { sale_id: "1", product_id: "p,1,2.00", reason: "bad_number" },
    { sale_id: `3,S,${DAY},p,1,2.00`, product_id: null, reason: "missing_key" },
    { sale_id: "6", product_id: "p,1,2.00", reason: "bad_number" },
  ]);
});

test("a file that is not what its name says is named", async () => {
  await nights.put(`${RAW}/sales.csv.gz`, "not gzip");

  await expect(nights.clean(DAY)).rejects.toThrow(`input sales: s3://${BUCKET}/${RAW}/sales.csv.gz cannot be read`);
});

test("a night without lines writes outputs that hold no rows", async () => {
  await nights.put(`${RAW}/_SUCCESS`, "");

  const log = await nights.clean(DAY);
  await nights.aggregate(DAY);

  expect(log).toContain("wrote clean: 0 rows");
  expect(await curated()).toEqual([]);
  expect(await nights.rows(`quality/sales/dt=${DAY}/`)).toMatchObject([
    { read_lines: "0", rejected_share: "0.000000" },
  ]);
  expect(await nights.rows(`mart/store_sales/dt=${DAY}/`)).toEqual([]);
});

test("an aggregate without anything curated writes no rows", async () => {
  await nights.aggregate(DAY);

  expect(await nights.rows(`mart/store_sales/dt=${DAY}/`)).toEqual([]);
});

test("an output replaces everything that lay under its prefix, by one data file and no marker", async () => {
  const prefix = `curated/sales/dt=${DAY}`;
  await nights.put(`${prefix}/part-00007.parquet`, "old");
  await nights.put(`${prefix}/deeper/part-00000.parquet`, "old");

  await nights.clean(DAY);

  expect(await objects(prefix)).toEqual(["part-00000.parquet"]);
});

test("a job that fails leaves the outputs of the last one", async () => {
  await nights.putCsv(DAY, `${REQUIRED}\n1,S,${DAY},p,1,2.00\n`);
  await nights.clean(DAY);
  await nights.put("raw/stores/stores.csv", "store_id,timezone\nS,Mars/Olympus\n");
  await nights.putCsv(DAY, `${REQUIRED}\n2,S,${DAY}T10:00:00Z,p,1,2.00\n`);

  await expect(nights.clean(DAY)).rejects.toThrow(/Mars\/Olympus/);

  expect((await curated()).map((row) => row["sale_id"])).toEqual(["1"]);
});

test("nothing of one job is seen by the next", async () => {
  const runner = await openSqlRunner();
  const run = (job: Record<string, string>) =>
    runner.run({ arguments: job, s3Root: nights.root, threads: 1 }, () => undefined);
  try {
    await run(cleanArguments(DAY));
    await nights.put("sql/spy.sql", "-- output: seen\nCREATE OR REPLACE TEMP VIEW seen AS SELECT * FROM params;");
    const spy = { sql: `s3://${BUCKET}/sql/spy.sql`, "output.seen": `s3://${BUCKET}/spy/?format=parquet` };

    await expect(run(spy)).rejects.toThrow(/params does not exist/);
  } finally {
    runner.close();
  }
});

test.each([
  ["--param.run_id is missing", { "param.run_id": undefined }],
  ["--input.curated is missing", { "input.curated": undefined }],
  ["--sql is missing", { sql: undefined }],
  ["--output.other: the SQL declares store_sales", { "output.other": `s3://${BUCKET}/x/?format=parquet` }],
  ['--input.curated: format is csv, json, parquet, not "xml"', { "input.curated": `s3://${BUCKET}/x/?format=xml` }],
  ['--input.curated: unknown option "form"', { "input.curated": `s3://${BUCKET}/x/?format=csv&form=1` }],
  ["not a key of its bucket", { sql: `s3://${BUCKET}/../other/x.sql` }],
])("wrong arguments are refused: %s", async (message, change) => {
  const given = Object.fromEntries(
    Object.entries({ ...aggregateArguments(DAY), ...change }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  );
  const runner = await openSqlRunner();
  try {
    await expect(runner.run({ arguments: given, s3Root: nights.root, threads: 1 }, () => undefined)).rejects.toThrow(
      message,
    );
  } finally {
    runner.close();
  }
});

test("a parameter is data, whatever it holds", async () => {
  await nights.putCsv(DAY, `${REQUIRED}\n1,S,${DAY},p,1,2.00\n`);
  await nights.clean(DAY);

  await nights.aggregate(DAY, "it's '); DROP TABLE params; --");

  expect(await nights.rows(`mart/store_sales/dt=${DAY}/`, { columns: "run_id" })).toEqual([
    { run_id: "it's '); DROP TABLE params; --" },
  ]);
});

test("runners that have not enough memory write to disk side by side, and take the next job as well", async () => {
  const big = `-- param: ds
-- output: placed
CREATE OR REPLACE TEMP VIEW texts AS SELECT md5(CAST(range AS STRING)) AS text FROM range(400000);
CREATE OR REPLACE TEMP VIEW ranked AS SELECT text, ROW_NUMBER() OVER (ORDER BY text ASC NULLS LAST) AS place FROM texts;
CREATE OR REPLACE TEMP VIEW placed AS SELECT COUNT(*) AS texts, MIN(text) AS first_text, MAX(place) AS last_place FROM ranked;`;
  await nights.put("sql/big.sql", big);
  const runners = await Promise.all(["one", "two"].map(async () => openSqlRunner({ memory: "24MiB" })));
  const run = (index: number): Promise<void> => {
    const output = `s3://${BUCKET}/placed-${index}/?format=parquet`;
    const given = { sql: `s3://${BUCKET}/sql/big.sql`, "param.ds": DAY, "output.placed": output };
    return runners[index]!.run({ arguments: given, s3Root: nights.root, threads: 1 }, () => undefined);
  };
  try {
    await Promise.all([run(0), run(1)]);
    await Promise.all([run(0), run(1)]);
  } finally {
    for (const runner of runners) runner.close();
  }

  const [one] = await nights.rows("placed-0/");
  expect(one).toMatchObject({ texts: "400000", last_place: "400000" });
  expect(await nights.rows("placed-1/")).toEqual([one]);
});
