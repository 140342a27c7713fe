import { canonicalJson } from "../core/canonical-json.ts";
import type { ParamSpec } from "../core/dag.ts";
import type { Json } from "../core/json.ts";

/** What is wrong with a value for a declared parameter ("expected …"), or null. */
export function paramMistake(param: ParamSpec, value: Json): string | null {
  const shown = JSON.stringify(value);
  const type = Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
  if (type !== (param.type === "integer" ? "number" : param.type)) return `expected ${param.type}, got ${shown}`;
  if (param.type === "integer" && !Number.isInteger(value)) return `expected integer, got ${shown}`;
  if (typeof value === "number" && param.minimum !== undefined && value < param.minimum) {
    return `expected at least ${param.minimum}, got ${shown}`;
  }
  if (typeof value === "number" && param.maximum !== undefined && value > param.maximum) {
    return `expected at most ${param.maximum}, got ${shown}`;
  }
  if (param.enum !== undefined && !param.enum.some((each) => canonicalJson(each) === canonicalJson(value))) {
    return `expected one of ${param.enum.map((each) => JSON.stringify(each)).join(", ")}, got ${shown}`;
  }
  return null;
}
