import type { Json } from "../core/json.ts";
import type { TaskFailure } from "../core/operator.ts";
import { isTemplated, renderValue } from "./template.ts";
import type { RunArguments, TemplateArguments } from "./template-context.ts";
import { templateContext } from "./template-context.ts";

export type RenderedText =
  { readonly ok: true; readonly text: string } | { readonly ok: false; readonly failure: TaskFailure };

export type RenderedValue =
  { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly failure: TaskFailure };

/**
 * A template as text: a concurrency key, or the label of a mapped task's instance. Numbers, lists and maps are their JSON.
 * Fails with TEMPLATE_FAILED; a value that is null is a failure, since as text it would mean something.
 */
export function renderText(template: string, given: RunArguments | TemplateArguments): RenderedText {
  const rendered = renderGiven(template, given);
  if (!rendered.ok) return rendered;
  const { value } = rendered;
  if (value === null) return failed(`${template}: the value is null; give it a \`default\``);
  return { ok: true, text: typeof value === "string" ? value : JSON.stringify(value) };
}

/** Renders every template of a value; a lone {{ … }} keeps the type of its value. Fails with TEMPLATE_FAILED. */
export function renderGiven(value: Json, given: RunArguments | TemplateArguments): RenderedValue {
  if (typeof value === "string" && !isTemplated(value)) return { ok: true, value };
  const rendered = renderValue(value, templateContext(given));
  if (rendered.ok) return rendered;
  const where = rendered.path.length === 0 ? "" : `${rendered.path.join(".")}: `;
  return failed(`${where}${rendered.message}`);
}

const failed = (message: string): { readonly ok: false; readonly failure: TaskFailure } => ({
  ok: false,
  failure: { class: "permanent", code: "TEMPLATE_FAILED", message },
});
