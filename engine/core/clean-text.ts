import type { Json, JsonObject } from "./json.ts";

const UNSTORABLE = /[\0\p{Surrogate}]/gu;
const CUT = " … (cut)";

/**
 * Text as the database takes it: without NUL and halves of surrogate pairs (each becomes U+FFFD), and at most `max`
 * characters long. Whatever a service said gets in this way (protocol rule 7).
 */
export function cleanText(text: string, max: number): string {
  const cut = text.length > max ? text.slice(0, max - CUT.length) + CUT : text;
  return cut.replace(UNSTORABLE, "\uFFFD");
}

/** The same for every text and key in a document; nothing is cut. */
export function cleanJson(value: JsonObject): JsonObject;
export function cleanJson(value: Json): Json;
export function cleanJson(value: Json): Json {
  if (typeof value === "string") return value.replace(UNSTORABLE, "\uFFFD");
  if (typeof value !== "object" || value === null) return value;
  if (isList(value)) return value.map((item) => cleanJson(item));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key.replace(UNSTORABLE, "\uFFFD"), cleanJson(item)]),
  );
}

const isList = (value: object): value is readonly Json[] => Array.isArray(value);
