import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openNights, shift, type Nights } from "./nights.ts";

const DAY = "2026-03-10";
const HEADER = "sale_id,line_no,store_id,sold_at,product_id,quantity,unit_price,discount";
interface Line {
  readonly sale?: string;
  readonly line?: number;
  readonly store?: string;
  readonly day?: string;
  readonly quantity?: number;
  readonly price?: string;
  readonly discount?: string;
}

let nights: Nights;
beforeAll(async () => {
  nights = await openNights();
});
beforeEach(() => nights.clear());
afterAll(() => nights.close());

const deliver = (night: string, lines: readonly Line[]) =>
  nights.putCsv(
    night,
    [
      HEADER,
      ...lines.map(
        ({ sale = "1", line = 1, store = "S1", day = night, quantity = 1, price = "2.50", discount = "0" }) =>
          `${sale},${line},${store},${day}T10:00:00,p,${quantity},${price},${discount}`,
      ),
      "",
    ].join("\n"),
  );
async function martOf(...lines: Line[]) {
  await deliver(DAY, lines);
  await nights.night(DAY);
  return nights.mart();
}

test("a store's day is summed over its lines", async () => {
  const mart = await martOf(
    { sale: "1", line: 1, quantity: 2, price: "2.50", discount: "0.50" },
    { sale: "1", line: 2, quantity: 1, price: "10.00" },
    { sale: "2", quantity: 3, price: "0.99" },
  );

  expect(mart).toEqual([
    {
      store_id: "S1",
      sale_date: DAY,
      transactions: "2",
      units: "6",
      gross_sales: "17.97",
      discounts: "0.50",
      returns: "0.00",
      net_sales: "17.47",
      average_basket: "8.74",
    },
  ]);
});

test("a return takes from units and net sales and is no transaction", async () => {
  const mart = await martOf({ sale: "1", quantity: 4, price: "5.00" }, { sale: "2", quantity: -1, price: "5.00" });

  expect(mart).toMatchObject([
    {
      transactions: "1",
      units: "3",
      gross_sales: "20.00",
      returns: "5.00",
      net_sales: "15.00",
      average_basket: "15.00",
    },
  ]);
});

test("a day of returns alone has no average basket", async () => {
  const mart = await martOf({ quantity: -2, price: "5.00" });

  expect(mart).toMatchObject([{ transactions: "0", returns: "10.00", net_sales: "-10.00", average_basket: null }]);
});

test.each([
  ["0.05", 2, "0.03"],
  ["0.04", 3, "0.01"],
  ["0.05", 3, "0.02"],
  ["1.01", 2, "0.51"],
  ["100.25", 2, "50.13"],
  ["9999999999.99", 2, "5000000000.00"],
])("the average basket is rounded half up to the cent: %s over %i sales is %s", async (net, sales, average) => {
  const lines = Array.from({ length: sales }, (_, sale) => ({ sale: `${sale}`, price: sale === 0 ? net : "0.00" }));

  expect(await martOf(...lines)).toMatchObject([{ average_basket: average }]);
});

test("a negative average basket is rounded away from zero, like the positive one", async () => {
  const mart = await martOf(
    { sale: "1", price: "0.00" },
    { sale: "2", price: "0.00" },
    { sale: "3", quantity: -1, price: "0.05" },
  );

  expect(mart).toMatchObject([{ transactions: "2", net_sales: "-0.05", average_basket: "-0.03" }]);
});

test("late lines update their own day", async () => {
  await deliver(DAY, [{ sale: "1", price: "1.00" }]);
  await nights.night(DAY);
  const next = shift(DAY, 1);
  await deliver(next, [
    { sale: "2", price: "10.00" },
    { sale: "3", price: "5.00", day: DAY },
  ]);

  await nights.night(next);

  expect(await nights.mart()).toMatchObject([
    { sale_date: DAY, transactions: "2", net_sales: "6.00" },
    { sale_date: next, transactions: "1", net_sales: "10.00" },
  ]);
});

test("a line delivered on two nights counts once, as the earlier night has it", async () => {
  await deliver(DAY, [{ price: "1.00" }]);
  await deliver(shift(DAY, 1), [{ price: "9.00", day: DAY }]);

  await nights.night(shift(DAY, 1));
  await nights.night(DAY);
  await nights.night(shift(DAY, 1));

  expect(await nights.mart()).toMatchObject([{ transactions: "1", net_sales: "1.00" }]);
});

test("a till that counts its sales anew each day has no duplicates between days", async () => {
  await deliver(DAY, [{ sale: "1", price: "1.00" }]);
  await deliver(shift(DAY, 1), [{ sale: "1", price: "2.00" }]);

  await nights.night(DAY);
  await nights.night(shift(DAY, 1));

  expect(await nights.mart()).toMatchObject([{ net_sales: "1.00" }, { net_sales: "2.00" }]);
});

test("a rerun changes nothing but the run's id", async () => {
  await deliver(DAY, [{ price: "1.00" }, { sale: "2", price: "3.33", discount: "0.01" }]);
  await nights.night(DAY, { runId: "first" });
  const [first] = await nights.rows(`mart/store_sales/dt=${DAY}/`);

  await nights.night(DAY, { runId: "second" });

  expect(await nights.rows(`mart/store_sales/dt=${DAY}/`)).toEqual([{ ...first, run_id: "second" }]);
});

test("any order of the nights, with any reruns, gives the same mart", { timeout: 60_000 }, async () => {
  const days = [0, 1, 2, 3].map((by) => shift(DAY, by));
  const line = fc.record({
    sale: fc.constantFrom("1", "2", "3"),
    line: fc.constantFrom(1, 2),
    store: fc.constantFrom("S1", "S2"),
    day: fc.constantFrom(...days),
    quantity: fc.integer({ min: -2, max: 3 }),
    price: fc.constantFrom("0.01", "2.50", "19.99"),
  });
  const delivery = fc.array(line, { maxLength: 6 });
  const inOrder = fc.tuple(delivery, delivery, delivery, delivery);
  const order = fc
    .tuple(fc.shuffledSubarray(days, { minLength: 4 }), fc.array(fc.constantFrom(...days), { maxLength: 3 }))
    .map(([all, again]) => [...all, ...again]);

  await fc.assert(
    fc.asyncProperty(inOrder, order, async (deliveries, run) => {
      const fromScratch = async (order: readonly string[]) => {
        await nights.clear();
        for (const [index, day] of days.entries()) await deliver(day, deliveries[index]!);
        for (const day of order) await nights.night(day);
        return nights.mart();
      };
      expect(await fromScratch(run)).toEqual(await fromScratch(days));
    }),
    { numRuns: 8, seed: 7 },
  );
});
