import { z } from "zod";
import type { Span } from "../../store/read-models/page.ts";

const EARLIEST = Date.UTC(1970, 0, 1);
const LATEST = Date.UTC(2200, 0, 1);

/** An ISO 8601 time with its offset, as an instant. */
export const instant = z.iso
  .datetime({ offset: true, error: "expected a time with its zone, such as 2026-01-31T05:00:00Z" })
  .transform((text) => Date.parse(text))
  .refine((at) => at >= EARLIEST && at < LATEST, "expected a time between 1970 and 2200");

/** A filter that may be repeated. */
export const many = <T extends z.ZodType>(item: T) =>
  z.preprocess((value) => (value === undefined || Array.isArray(value) ? value : [value]), z.array(item).optional());

const whole = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `expected a whole number from ${least} to ${most}`)
    .transform(Number)
    .refine((value) => value >= least && value <= most, `expected a whole number from ${least} to ${most}`);

const MOST_OFFSET = 100_000_000;

/** limit, offset and order_by (a name; `-` before it turns it round; may be repeated). */
export const paging = <const Order extends string>(orders: readonly [Order, ...Order[]]) => ({
  limit: whole(1, 1_000).default(50),
  offset: whole(0, MOST_OFFSET).default(0),
  order_by: many(z.enum([...orders, ...orders.map((order): `-${Order}` => `-${order}`)])),
});

/** order_by as the read models take it. */
export const orderOf = <Order extends string>(names: readonly (Order | `-${Order}`)[] | undefined) =>
  (names ?? []).map((name) =>
    name.startsWith("-")
      ? { by: name.slice(1) as Order, isDescending: true }
      : { by: name as Order, isDescending: false },
  );

/** `name_gte`, `name_gt`, `name_lte` and `name_lt`. */
export const span = <const Name extends string>(name: Name) => {
  const end = instant.optional();
  return {
    [`${name}_gte`]: end,
    [`${name}_gt`]: end,
    [`${name}_lte`]: end,
    [`${name}_lt`]: end,
  } as Record<`${Name}_${"gte" | "gt" | "lte" | "lt"}`, typeof end>;
};

export const spanOf = <Name extends string>(
  query: Readonly<Record<`${Name}_${"gte" | "gt" | "lte" | "lt"}`, number | undefined>>,
  name: Name,
): Span => ({
  gte: query[`${name}_gte`],
  gt: query[`${name}_gt`],
  lte: query[`${name}_lte`],
  lt: query[`${name}_lt`],
});

/** Every filter of runs and task instances by time. */
export const RUN_TIMES = {
  ...span("logical_date"),
  ...span("run_after"),
  ...span("start_date"),
  ...span("end_date"),
};

type RunTimes = { readonly [Key in keyof typeof RUN_TIMES]?: number | undefined };

export const runTimesOf = (query: RunTimes) => {
  const times = query as Record<keyof typeof RUN_TIMES, number | undefined>;
  return {
    logicalAt: spanOf(times, "logical_date"),
    runAfterAt: spanOf(times, "run_after"),
    startedAt: spanOf(times, "start_date"),
    endedAt: spanOf(times, "end_date"),
  };
};

/** `~` in a path stands for all. */
export const oneOrAll = (id: string): string | undefined => (id === "~" ? undefined : id);
