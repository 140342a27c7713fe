import { isTruthy } from "../core/condition.ts";
import type { TaskFailure } from "../core/operator.ts";
import { renderGiven } from "./render-text.ts";
import type { TemplateArguments } from "./template-context.ts";

export type Condition =
  { readonly ok: true; readonly isTrue: boolean } | { readonly ok: false; readonly failure: TaskFailure };

/** Whether a task with this `when` runs (true) or is skipped. Fails with TEMPLATE_FAILED. */
export function decideWhen(when: string, given: TemplateArguments): Condition {
  const rendered = renderGiven(when, given);
  if (rendered.ok) return { ok: true, isTrue: isTruthy(rendered.value) };
  return { ok: false, failure: { ...rendered.failure, message: `when: ${rendered.failure.message}` } };
}
