import { csvLine, dayFiles, days, storesFile, type RawFile } from "./raw-file.ts";

export interface SampleOptions {
  readonly nights: number;
  /** 2026-01-31 */
  readonly firstDay: string;
  readonly stores?: number;
  readonly seed?: number;
  /** Sales per store and day; each has one to five lines. */
  readonly salesPerStore?: number;
}

const HEADER = ["sale_id", "line_no", "store_id", "sold_at", "product_id", "quantity", "unit_price", "discount"];
const PRODUCTS = Array.from({ length: 120 }, (_, index) => ({
  id: `P${1000 + index}`,
  cents: 95 + ((index * 137) % 2400),
}));
const DUPLICATED = 0.01;
const BROKEN = 0.003;
const LATE = 0.004;
const RETURNED = 0.02;

/** What a till or an export does to a line: each makes it one the pipeline rejects, for another reason. */
const BREAKAGES: readonly ((line: string[]) => string[])[] = [
  (line) => line.with(6, ""),
  (line) => line.with(5, "two"),
  (line) => line.with(2, ""),
  (line) => line.with(3, "yesterday"),
  (line) => line.with(6, "12,50"),
];

/**
 * The demo's raw files, in the order a night would bring them: the stores, then each day's lines and its marker.
 * The same options give the same bytes. Two stores keep another zone and stamp their sales in UTC.
 */
export function* sampleSales(options: SampleOptions): Iterable<RawFile> {
  const { nights, firstDay, stores = 40, seed = 1, salesPerStore = 40 } = options;
  const random = generator(seed);
  const ids = Array.from({ length: stores }, (_, index) => `S${String(index + 1).padStart(3, "0")}`);
  const western = new Set(ids.slice(-2));
  yield storesFile(ids.map((id) => [id, western.has(id) ? "America/Los_Angeles" : "America/New_York"]));
  const dates = days(firstDay, nights);
  const arriving = new Map<string, string[]>(dates.map((day) => [day, []]));
  for (const [index, day] of dates.entries()) {
    const lines = arriving.get(day)!;
    for (const store of ids) {
      const sales = Math.round(salesPerStore * (0.7 + 0.6 * random()));
      for (let sale = 1; sale <= sales; sale += 1) {
        const made = saleLines(random, store, day, `${store}-${day}-${sale}`, western.has(store));
        // A till that was offline delivers up to five days later.
        const late = random() < LATE ? dates[Math.min(index + 1 + Math.floor(random() * 5), dates.length - 1)]! : day;
        const target = arriving.get(late)!;
        for (const line of made) {
          target.push(csvLine(random() < BROKEN ? BREAKAGES[Math.floor(random() * BREAKAGES.length)]!(line) : line));
          if (random() < DUPLICATED) target.push(target.at(-1)!);
        }
      }
    }
    yield* dayFiles(day, HEADER, lines);
    arriving.delete(day);
  }
}

function saleLines(random: () => number, store: string, day: string, saleId: string, western: boolean): string[][] {
  const minute = 9 * 60 + Math.floor(random() * 12 * 60);
  const soldAt = western ? utc(day, minute + 8 * 60) : `${day}T${clock(minute)}`;
  const returned = random() < RETURNED;
  const count = 1 + Math.floor(random() * random() * 5);
  return Array.from({ length: count }, (_, index) => {
    const product = PRODUCTS[Math.floor(random() ** 2 * PRODUCTS.length)]!;
    const quantity = 1 + Math.floor(random() ** 3 * 4);
    const discount = !returned && random() < 0.08 ? Math.floor((product.cents * quantity) / 10) : 0;
    return [
      saleId,
      String(index + 1),
      store,
      soldAt,
      product.id,
      String(returned ? -quantity : quantity),
      money(product.cents),
      money(discount),
    ];
  });
}

const clock = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}:00`;
const utc = (day: string, minute: number): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) + minute * 60_000).toISOString().replace(".000", "");
const money = (cents: number): string => (cents / 100).toFixed(2);

/** mulberry32: numbers in [0, 1), the same on every machine. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
