import { spawn, spawnSync } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sampleSales } from "../../engine/cli/demo/sample-sales.ts";
import { BUCKET, aggregateArguments, cleanArguments, openNights, type Nights } from "../unit/pipeline/nights.ts";

/** NOCTURNE_PYTHON, or python3 of the PATH: one that has PySpark. */
const PYTHON = process.env["NOCTURNE_PYTHON"] ?? "python3";
const withoutSpark = spawnSync(PYTHON, ["-c", "import pyspark"]).status !== 0;
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const DAYS = ["2026-03-07", "2026-03-08", "2026-03-09", "2026-03-10", "2026-03-11", "2026-03-12"];
const AGGREGATED = DAYS.slice(1, 3);
const TIMEOUT = { timeout: 600_000 };
/** New York's clocks jump from 02:00 to 03:00 on March 8: times in the gap, offsets of every form, and what tills break. */
const ODD_LINES = `unit_price,quantity,store_id,extra,sold_at,SALE_ID,product_id
1.00,1,S001,x,2026-03-08T02:30:00,gap,p
1.00,1,S001,x,2026-03-08T06:59:59Z,before,p
1.00,1,S001,x,2026-03-08 04:59:59.123456789Z,evening before,p
1.00,1,S040,x,2026-03-09T06:30:00+00:00,west evening,p
1.00,1,S040,x,2026-03-09T06:30+0000,west again,p
1.00,1,S040,x,2026-03-08T23:30-07,west third,p
1.00,1,S001,x,2026-03-09T04:30:00+05:30,india,p
1.00,1,S001,x,2026-02-30,no such day,p
1.00,1,S001,x,2026-03-08T24:00:00,no such hour,p
1.005,1,S001,x,2026-03-08,third decimal,p
1.5000,-2.0,S001,x,2026-03-08,trailing zeros,"a ""quoted"", name"
1.00,1,S001,x,2026-03-08,too,many,values
1.00,1,S001
,1,S001,x,2026-03-08,no price,p
1.00,1,S001,x,2026-02-27,too old,p
1.00,1, S001 ,x,2026-03-08, padded ,Größe
1.00,1,S001,x,2026-03-08,padded,p
1.00,1,S001,x,2026-03-08,inch,5" disc
1.00,1,S001,x,2026-03-08,"unclosed, to the end
1.00,1,S001,x,2026-03-08,after the unclosed,p
"1.00,1,S001,x,2026-03-08,unclosed at once,p
1.00,1,S001,x,2026-03-08,the last,p
`;

let nights: Nights;
let sparkRoot: string;
beforeAll(async () => {
  nights = await openNights();
  sparkRoot = await mkdtemp(join(tmpdir(), "nocturne-spark-"));
});
afterAll(async () => {
  await nights.close();
  await rm(sparkRoot, { recursive: true, force: true });
});

/** Runs the jobs one after another in one Spark session; answers how each ended. */
async function onSpark(jobs: readonly Record<string, string>[]): Promise<string[]> {
  const child = spawn(PYTHON, [here("spark_jobs.py"), here("../../deploy/spark/run_sql.py")], {
    env: { ...process.env, NOCTURNE_S3_ROOT: sparkRoot },
  });
  let said = "";
  let complained = "";
  child.stdout.on("data", (bytes: Buffer) => (said += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (complained += bytes.toString()));
  const argv = (job: Record<string, string>) => Object.entries(job).flatMap(([key, value]) => [`--${key}`, value]);
  child.stdin.end(jobs.map((job) => `${JSON.stringify([...argv(job), "--JOB_NAME", "x"])}\n`).join(""));
  const code = await new Promise((resolve) => child.on("close", resolve));
  if (code !== 0) throw new Error(complained.slice(-3000));
  return [...said.matchAll(/^ended:(.*)$/gm)].map((match) => match[1]!.trim());
}

test.skipIf(withoutSpark)("Spark and DuckDB give the same rows for CSV, JSON lines and Parquet", TIMEOUT, async () => {
  for (const file of sampleSales({ nights: 3, firstDay: DAYS[0]!, salesPerStore: 5 }))
    await nights.put(file.key, file.body);
  await nights.put(`raw/sales/dt=${DAYS[1]}/odd.csv`, ODD_LINES);
  await nights.put(
    `raw/sales/dt=${DAYS[3]}/sales.json`,
    `{"sale_id":"j1","store_id":"S001","sold_at":"2026-03-10T10:00:00","product_id":7,"quantity":2,"unit_price":3.5}
{"sale_id":"j1","store_id":"S001","sold_at":"2026-03-10T10:00:00","product_id":7,"quantity":2,"unit_price":3.5}
{"sale_id":5,"line_no":2,"store_id":"S039","sold_at":"2026-03-10T10:00:00Z","product_id":"7","quantity":"-1","unit_price":"3.50","discount":null}
not an object
{"store_id":"S001"}
`,
  );
  await nights.put(`raw/sales/dt=${DAYS[4]}/sales.parquet`, "");
  await nights.query(
    `COPY (SELECT * FROM (VALUES
       ('p1', 1, 'S001', TIMESTAMP '2026-03-11 10:00:00', 1.0::DOUBLE, 12345678.5::DOUBLE, 0.10::DECIMAL(9,2)),
       ('p2', 1, 'S001', TIMESTAMP '2026-03-11 11:00:00.5', -1.0, 2.25, NULL),
       ('p3', 1, 'S001', NULL, 1.5, 2.25, NULL)) AS t(sale_id, line_no, store_id, sold_at, quantity, unit_price, discount)
       CROSS JOIN (SELECT 7 AS product_id))
     TO '${nights.root}/${BUCKET}/raw/sales/dt=${DAYS[4]}/sales.parquet' (FORMAT parquet)`,
  );
  await nights.query(
    `COPY (SELECT 'p4' AS sale_id, 'S040' AS store_id, TIMESTAMPTZ '2026-03-12 02:30:00+00' AS sold_at, 'p' AS product_id, 1 AS quantity, 1.10::FLOAT AS unit_price)
     TO '${nights.root}/${BUCKET}/raw/sales/dt=${DAYS[4]}/instants.parquet' (FORMAT parquet)`,
  );
  await cp(nights.root, sparkRoot, { recursive: true });
  const formats = ["csv", "csv", "csv", "json", "parquet", "csv"];

  const ended = await onSpark([
    ...DAYS.map((day, index) => cleanArguments(day, { format: formats[index]! })),
    ...AGGREGATED.map((day) => aggregateArguments(day)),
  ]);
  for (const [index, day] of DAYS.entries()) await nights.clean(day, { format: formats[index]! });
  for (const day of AGGREGATED) await nights.aggregate(day);

  expect(ended).toEqual([...DAYS, ...AGGREGATED].map(() => ""));
  for (const output of ["curated/sales", "rejected/sales", "quality/sales", "mart/store_sales"]) {
    for (const day of output === "mart/store_sales" ? AGGREGATED : DAYS) {
      const key = `${output}/dt=${day}/`;
      expect(await nights.rows(key, { root: sparkRoot }), key).toEqual(await nights.rows(key));
    }
  }
  expect(await nights.rows(`quality/sales/dt=${DAYS[1]}/`)).not.toEqual([]);
});

test.skipIf(withoutSpark)("Spark and DuckDB name a missing column in the same words", TIMEOUT, async () => {
  await nights.putCsv("2026-05-01", "sale_id,store_id,sold_at,product_id,quantity\n1,S1,2026-05-01,p,1\n");
  await cp(nights.root, sparkRoot, { recursive: true });
  const words = /^input sales: column unit_price is missing in .*sales\.csv; its columns are sale_id, store_id/;

  expect((await onSpark([cleanArguments("2026-05-01")]))[0]).toMatch(words);
  await expect(nights.clean("2026-05-01")).rejects.toThrow(words);
});
