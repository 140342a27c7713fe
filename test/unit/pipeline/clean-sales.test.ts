import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openNights, type Nights } from "./nights.ts";

const DAY = "2026-03-10";
const HEADER = "sale_id,line_no,store_id,sold_at,product_id,quantity,unit_price,discount";
const line = (values: Partial<Record<string, string>>) => {
  const whole = {
    sale_id: "1",
    line_no: "1",
    store_id: "S1",
    sold_at: "2026-03-10T10:00:00",
    product_id: "p",
    quantity: "1",
    unit_price: "2.50",
    discount: "0",
    ...values,
  };
  return HEADER.split(",")
    .map((name) => whole[name as keyof typeof whole])
    .join(",");
};

let nights: Nights;
beforeAll(async () => {
  nights = await openNights();
});
beforeEach(() => nights.clear());
afterAll(() => nights.close());

async function cleaned(...lines: string[]) {
  await nights.putCsv(DAY, `${[HEADER, ...lines].join("\n")}\n`);
  await nights.clean(DAY);
  const [summary] = await nights.rows(`quality/sales/dt=${DAY}/`);
  return {
    clean: await nights.rows(`curated/sales/dt=${DAY}/`),
    rejected: await nights.rows(`rejected/sales/dt=${DAY}/`),
    reasons: (await nights.rows(`rejected/sales/dt=${DAY}/`, { columns: "reason" })).map((row) => row["reason"]),
    dates: (await nights.rows(`curated/sales/dt=${DAY}/`, { columns: "sale_id, sale_date" })).map((row) => [
      row["sale_id"],
      row["sale_date"],
    ]),
    summary,
  };
}

test("a valid line comes out typed, and every line is counted", async () => {
  const { clean, summary } = await cleaned(
    line({ sale_id: " 7 ", quantity: "+2", unit_price: "3.5000", discount: "" }),
  );

  expect(clean).toEqual([
    {
      store_id: "S1",
      sale_id: "7",
      line_no: 1,
      sale_date: DAY,
      sold_at: "2026-03-10T10:00:00",
      product_id: "p",
      quantity: 2,
      unit_price: "3.50",
      discount: "0.00",
    },
  ]);
  expect(summary).toEqual({
    ds: DAY,
    read_lines: "1",
    clean_lines: "1",
    rejected_lines: "0",
    duplicate_lines: "0",
    rejected_share: "0.000000",
  });
});

test.each([
  ["missing_key", { store_id: " " }],
  ["missing_key", { sale_id: "" }],
  ["missing_key", { sale_id: "", quantity: "x", unit_price: "" }],
  ["bad_number", { line_no: "one" }],
  ["bad_number", { quantity: "" }],
  ["bad_number", { quantity: "1.5" }],
  ["bad_number", { unit_price: "-1.00" }],
  ["bad_number", { unit_price: "1.005" }],
  ["bad_number", { unit_price: "1e2" }],
  ["bad_number", { discount: "free" }],
  ["no_price", { unit_price: " " }],
  ["bad_time", { sold_at: "" }],
  ["bad_time", { sold_at: "10/03/2026" }],
  ["bad_time", { sold_at: "2026-02-30T10:00:00" }],
  ["bad_time", { sold_at: "2026-03-10T24:00:00" }],
  ["outside_window", { sold_at: "2026-03-02T23:59:59" }],
  ["outside_window", { sold_at: "2026-03-12T00:00:00" }],
])("a line is rejected with its first reason: %s for %j", async (reason, values) => {
  const { reasons, clean, summary } = await cleaned(line(values));

  expect(reasons).toEqual([reason]);
  expect(clean).toEqual([]);
  expect(summary).toMatchObject({ rejected_lines: "1", rejected_share: "1.000000" });
});

test("the window holds the seven days before the night and the day after it", async () => {
  const { dates } = await cleaned(
    line({ sale_id: "first", sold_at: "2026-03-03T00:00:00" }),
    line({ sale_id: "last", sold_at: "2026-03-11T23:59:59.999" }),
  );

  expect(dates).toEqual([
    ["first", "2026-03-03"],
    ["last", "2026-03-11"],
  ]);
});

test("a rejected line keeps the text it came with", async () => {
  const { rejected } = await cleaned(line({ sale_id: " 7 ", unit_price: "12 EUR" }));

  expect(rejected).toEqual([
    {
      sale_id: " 7 ",
      line_no: "1",
      store_id: "S1",
      sold_at: "2026-03-10T10:00:00",
      product_id: "p",
      quantity: "1",
      unit_price: "12 EUR",
      discount: "0",
      reason: "bad_number",
    },
  ]);
});

test("of the lines with one key a valid one stays and the others are duplicates", async () => {
  const { clean, summary } = await cleaned(
    line({ unit_price: "" }),
    line({ unit_price: "2.50" }),
    line({ unit_price: "x" }),
  );

  expect(clean).toMatchObject([{ unit_price: "2.50" }]);
  expect(summary).toMatchObject({ read_lines: "3", clean_lines: "1", rejected_lines: "0", duplicate_lines: "2" });
});

test("two invalid lines with one key are one rejected line and one duplicate", async () => {
  const { summary } = await cleaned(line({ unit_price: "" }), line({ unit_price: "" }));

  expect(summary).toMatchObject({ rejected_lines: "1", duplicate_lines: "1" });
});

test("which of several valid lines stays does not depend on their order", async () => {
  const lines = [line({ quantity: "3" }), line({ quantity: "1" }), line({ quantity: "2" })];

  const forwards = await cleaned(...lines);
  const backwards = await cleaned(...lines.toReversed());

  expect(forwards.clean).toEqual(backwards.clean);
  expect(forwards.clean).toMatchObject([{ quantity: 1 }]);
});

test("lines without a key are rejected one by one and are never duplicates", async () => {
  const { summary } = await cleaned(line({ store_id: "" }), line({ store_id: "" }), line({ sale_id: "" }));

  expect(summary).toMatchObject({ rejected_lines: "3", duplicate_lines: "0" });
});

test("line numbers 1, 01 and none at all are the same line", async () => {
  const { summary } = await cleaned(line({ line_no: "1" }), line({ line_no: "01" }), line({ line_no: "" }));

  expect(summary).toMatchObject({ clean_lines: "1", duplicate_lines: "2" });
});

test("a rejected share is rounded up, so that one above the limit never looks like the limit", async () => {
  const { summary } = await cleaned(
    ...["1", "2", "3"].map((sale_id) => line({ sale_id })),
    ...["4", "5", "6"].map((sale_id) => line({ sale_id, unit_price: "" })),
    line({ sale_id: "7" }),
  );

  expect(summary).toMatchObject({ rejected_share: "0.428572" });
});

test("a time without offset is the store's own, also when clocks change", async () => {
  await nights.put("raw/stores/stores.csv", "store_id,timezone\nS1,America/New_York\n");
  const { dates } = await cleaned(
    line({ sale_id: "gap", sold_at: "2026-03-08T02:30:00" }),
    line({ sale_id: "midnight", sold_at: "2026-03-08 23:59" }),
  );

  expect(dates).toEqual([
    ["gap", "2026-03-08"],
    ["midnight", "2026-03-08"],
  ]);
});

test.each([
  ["2026-03-08T04:59:59Z", "2026-03-07"],
  ["2026-03-08T05:00:00Z", "2026-03-08"],
  ["2026-03-09T03:59:59Z", "2026-03-08"],
  ["2026-03-09T04:00:00Z", "2026-03-09"],
  ["2026-03-09T09:30:00+0530", "2026-03-09"],
  ["2026-03-09T09:29:00+05:30", "2026-03-08"],
  ["2026-03-08T20:59:00-07", "2026-03-08"],
  ["2026-03-08T21:00:00-07", "2026-03-09"],
])("an instant has its day in the store's zone, also where clocks change: %s is %s", async (sold_at, day) => {
  await nights.put("raw/stores/stores.csv", "store_id,timezone\nS1,America/New_York\n");

  expect((await cleaned(line({ sold_at }))).dates).toEqual([["1", day]]);
});

test("a store that is not listed, or has no zone, has the DAG's", async () => {
  const instant = line({ sold_at: "2026-03-10T02:00:00Z" });
  expect((await cleaned(instant)).dates).toEqual([["1", "2026-03-09"]]);

  await nights.put("raw/stores/stores.csv", "store_id,timezone\nS1,\nS1,\n");
  expect((await cleaned(instant)).dates).toEqual([["1", "2026-03-09"]]);
});

test("a store listed twice does not double its lines", async () => {
  await nights.put("raw/stores/stores.csv", "store_id,timezone\nS1,Asia/Tokyo\nS1,Asia/Tokyo\n");

  expect((await cleaned(line({ sold_at: "2026-03-10T20:00:00Z" }))).dates).toEqual([["1", "2026-03-11"]]);
});
