import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NocturneError } from "../../../engine/core/errors.ts";
import { parseColumns } from "../../../engine/cli/demo/column-map.ts";
import { stageCsv } from "../../../engine/cli/demo/stage-csv.ts";

const COLUMNS = "sale_id=id,store_id=shop,sold_at=day+time,product_id=item,quantity=qty,unit_price=price";
const HEADER = "id,shop,day,time,item,qty,price";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "nocturne-csv-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What staging a CSV of this content answers: the text of each object by key. */
async function staged(body: string | Uint8Array, { columns = COLUMNS, from = "2023-01-01", to = "2023-01-03" } = {}) {
  const file = join(folder, "sales.csv");
  await writeFile(file, body);
  const objects: Record<string, string> = {};
  for await (const { key, body } of stageCsv({ file, columns: parseColumns(columns), from, to })) {
    objects[key] = Buffer.from(key.endsWith(".gz") ? gunzipSync(body) : body).toString();
  }
  return objects;
}

const problemsOf = async (work: () => unknown) => {
  try {
    await work();
  } catch (error) {
    if (error instanceof NocturneError) return error.problems;
    throw error;
  }
  throw new Error("nothing was refused");
};

test("lines go to their day's file, and every day has a file and its marker", async () => {
  const objects = await staged(`${HEADER}\n2,B,2023-01-03,09:00,x,1,2.00\n1,A,2023-01-01,10:00:00,"y, ""z""",2,3.50\n`);

  const header = "sale_id,store_id,sold_at,product_id,quantity,unit_price\n";
  expect(objects).toEqual({
    "raw/stores/stores.csv": "store_id,timezone\nA,\nB,\n",
    "raw/sales/dt=2023-01-01/sales.csv.gz": `${header}1,A,2023-01-01 10:00:00,"y, ""z""",2,3.50\n`,
    "raw/sales/dt=2023-01-01/_SUCCESS": "",
    "raw/sales/dt=2023-01-02/sales.csv.gz": header,
    "raw/sales/dt=2023-01-02/_SUCCESS": "",
    "raw/sales/dt=2023-01-03/sales.csv.gz": `${header}2,B,2023-01-03 09:00,x,1,2.00\n`,
    "raw/sales/dt=2023-01-03/_SUCCESS": "",
  });
});

test("gzip is seen by its content, not by its name", async () => {
  const objects = await staged(gzipSync(`${HEADER}\n1,A,2023-01-02,10:00,x,1,2.00\n`));

  expect(objects["raw/sales/dt=2023-01-02/sales.csv.gz"]).toContain("1,A,2023-01-02 10:00,x,1,2.00\n");
});

test("a line whose day cannot be read goes to the first day, and one of another time is left out", async () => {
  const objects = await staged(
    `${HEADER}\n1,A,2023-01-02,10:00,x,1,2.00\n2,A,someday,10:00,x,1,2.00\n3,A,2022-12-31,10:00,x,1,2.00\n4\n`,
  );

  expect(objects["raw/sales/dt=2023-01-01/sales.csv.gz"]!.split("\n").slice(1)).toEqual([
    "2,A,someday 10:00,x,1,2.00",
    "4,, ,,,",
    "",
  ]);
  expect(Object.values(objects).join("")).not.toContain("3,A");
});

test("a missing column is named with a better spelling, or with the columns that are there", async () => {
  expect(await problemsOf(() => staged(`id,shop,day,time,item,qty,prices\n`))).toMatchObject([
    {
      code: "CSV_COLUMN_MISSING",
      didYouMean: "prices",
      message: expect.stringMatching(/has no column price$/) as string,
    },
  ]);
  const [problem] = await problemsOf(() => staged(`id,shop,day,time,item,qty,zzzzzzzz\n`));
  expect(problem!.message).toMatch(/has no column price; its columns are id, shop, day, time, item, qty, zzzzzzzz/);
});

test.each([
  ["a file without a byte", "", "CSV_EMPTY", /holds no lines/],
  ["a header alone", `${HEADER}\n`, "CSV_EMPTY", /holds no lines/],
  [
    "lines of another year",
    `${HEADER}\n1,A,2022-05-01,10:00,x,1,2\n`,
    "CSV_EMPTY",
    /its days are 2022-05-01 to 2022-05-01/,
  ],
  [
    "days that are not ISO",
    `${HEADER}\n1,A,1/2/2023,10:00,x,1,2\n`,
    "CSV_INVALID",
    /line 2: sold_at is "1\/2\/2023 10:00"/,
  ],
  ["a quote that never closes", `${HEADER}\n1,A,2023-01-01,10:00,"x,1,2\n`, "CSV_INVALID", /line 2/],
  [
    "a damaged gzip file",
    gzipSync(`${HEADER}\n1,A,2023-01-01,10:00,x,1,2\n`).subarray(0, 40),
    "CSV_INVALID",
    /damaged gzip/,
  ],
])("%s is refused in one sentence", async (_what, body, code, message) => {
  const [problem] = await problemsOf(() => staged(body));

  expect(problem).toMatchObject({ code, message: expect.stringMatching(message) as string });
});

test("a file that is not there is named", async () => {
  const options = {
    file: join(folder, "none.csv"),
    columns: parseColumns(COLUMNS),
    from: "2023-01-01",
    to: "2023-01-01",
  };

  const [problem] = await problemsOf(async () => {
    for await (const _ of stageCsv(options));
  });

  expect(problem).toMatchObject({ code: "USAGE", message: expect.stringMatching(/none\.csv: no such file/) as string });
});

test("--columns names fields in any order, joins columns and may leave out line_no and discount", () => {
  expect([...parseColumns(`discount=off, ${COLUMNS}`)]).toEqual([
    ["sale_id", ["id"]],
    ["store_id", ["shop"]],
    ["sold_at", ["day", "time"]],
    ["product_id", ["item"]],
    ["quantity", ["qty"]],
    ["unit_price", ["price"]],
    ["discount", ["off"]],
  ]);
});

test("--columns says everything that is wrong with it at once", async () => {
  const problems = await problemsOf(() => parseColumns("sale_idd=a,store_id=b,store_id=c,quantity,unit_price="));

  expect(problems.map((problem) => problem.message)).toEqual([
    expect.stringMatching(/there is no field sale_idd; fields are sale_id, line_no/),
    "--columns: store_id is named twice",
    '--columns: "quantity" is not of the form field=column',
    "--columns: unit_price names no column",
    "--columns: sale_id, sold_at, product_id, quantity, unit_price must be named too (line_no and discount may be left out)",
  ]);
  expect(problems[0]!.didYouMean).toBe("sale_id");
});
