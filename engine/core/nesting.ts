import type { Json } from "./json.ts";

/** How deep data from outside may be nested: what goes deeper could exhaust the stack of whoever reads or writes it. */
export const MOST_LEVELS = 100;

/** Whether data is nested more than `levels` deep. */
export const isDeeper = (value: Json, levels: number): boolean =>
  typeof value === "object" &&
  value !== null &&
  (levels === 0 || Object.values(value).some((each: Json) => isDeeper(each, levels - 1)));
