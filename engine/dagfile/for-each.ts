import type { Json } from "../core/json.ts";
import type { TaskFailure } from "../core/operator.ts";
import { renderGiven } from "./render-text.ts";
import { isTemplated } from "./template.ts";
import type { TemplateArguments } from "./template-context.ts";

/** What a task may be mapped over at most. */
export const MAX_ITEMS = 10_000;

export type Items =
  | { readonly ok: true; readonly items: readonly Json[] }
  /** The list is there: fetch it, and hand its text to `itemsOf`. */
  | { readonly ok: true; readonly uri: string }
  | { readonly ok: false; readonly failure: TaskFailure };

/** What for_each maps over in this run. Fails with TEMPLATE_FAILED or FOR_EACH_INVALID. */
export function renderItems(items: Json, given: TemplateArguments): Items {
  const rendered = renderGiven(items, given);
  if (!rendered.ok) {
    return { ok: false, failure: { ...rendered.failure, message: `for_each: ${rendered.failure.message}` } };
  }
  const { value } = rendered;
  return typeof value === "string" && isUri(value.trim()) ? { ok: true, uri: value.trim() } : itemsOf(value);
}

/** A list as it is, a map as [{key, value}], and text that is the JSON of one of them. */
export function itemsOf(value: Json): Exclude<Items, { readonly uri: string }> {
  const parsed = typeof value === "string" ? parsedJson(value) : value;
  if (typeof parsed !== "object" || parsed === null) {
    return refused(`expected a list, a map, their JSON or an s3:// address, got ${shown(value)}`);
  }
  const items: readonly Json[] = Array.isArray(parsed)
    ? (parsed as readonly Json[])
    : Object.entries(parsed).map(([key, each]) => ({ key, value: each }));
  const mistake = tooMany(items.length);
  return mistake === null ? { ok: true, items } : refused(mistake);
}

/** What is wrong with items that no run can change; null: nothing, or a template decides. */
export function findLiteralMistake(items: Json): string | null {
  if (typeof items !== "string") return tooMany(Object.keys(items as object).length);
  if (isTemplated(items) || isUri(items)) return null;
  const found = itemsOf(items);
  if (found.ok) return null;
  return found.failure.message.replace(/^for_each: /, "").replace("their JSON", "a template");
}

const tooMany = (count: number): string | null =>
  count > MAX_ITEMS ? `expected at most ${MAX_ITEMS} items, got ${count}` : null;

const isUri = (text: string): boolean => /^s3:\/\/[^/\s]+\/\S+$/.test(text);

function parsedJson(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}

function shown(value: Json): string {
  if (value === null) return "nothing";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

const refused = (message: string): { readonly ok: false; readonly failure: TaskFailure } => ({
  ok: false,
  failure: { class: "permanent", code: "FOR_EACH_INVALID", message: `for_each: ${message}` },
});
