import type { Json } from "./json.ts";

const FALSE = ["", "0", "false", "no", "off"];

/** Whether what a condition rendered to means yes: all but false, 0, null and the words for them. */
export function isTruthy(rendered: Json): boolean {
  if (typeof rendered === "string") return !FALSE.includes(rendered.trim().toLowerCase());
  return rendered !== false && rendered !== 0 && rendered !== null;
}
