import type { z } from "zod";
import type { Path } from "./yaml-document.ts";
import type { Finding } from "./schema-issues.ts";
import { at, findingsOf } from "./schema-issues.ts";
import { isTemplated } from "./template.ts";

/** What an operator's schema says about parameters whose templates are not rendered yet: a template stands for any type. */
export function unrenderedFindings(schema: z.ZodType, value: unknown): Finding[] {
  const result = schema.safeParse(value);
  if (result.success) return [];
  return findingsOf(withoutTemplates(result.error.issues, value), schema, value);
}

type Issue = z.core.$ZodIssue;

function withoutTemplates(issues: readonly Issue[], value: unknown): Issue[] {
  return issues.flatMap((issue): Issue[] => {
    const actual = at(value, issue.path as Path);
    if (isTemplated(actual)) return [];
    if (issue.code !== "invalid_union" || issue.errors.length === 0) return [issue];
    const branches = issue.errors.map((branch) => withoutTemplates(branch, actual));
    return branches.some((branch) => branch.length === 0) ? [] : [{ ...issue, errors: branches } as Issue];
  });
}

export type Checked =
  { readonly ok: true; readonly params: unknown } | { readonly ok: false; readonly findings: readonly Finding[] };

/**
 * Checks rendered parameters. A template's result takes the type its field wants: "10" where a number is expected
 * becomes 10, and 10 where text is expected becomes "10". Nothing else is converted.
 */
export function checkRendered(schema: z.ZodType, written: unknown, rendered: unknown): Checked {
  const first = schema.safeParse(rendered);
  if (first.success) return { ok: true, params: first.data };
  const findings = findingsOf(first.error.issues, schema, rendered);
  const typed = structuredClone(rendered);
  for (const { path, expected } of findings) {
    if (!isTemplated(at(written, path)) || expected === undefined) continue;
    const value = converted(at(rendered, path), expected);
    const parent = at(typed, path.slice(0, -1));
    const key = path.at(-1);
    if (value !== undefined && key !== undefined) (parent as Record<string | number, unknown>)[key] = value;
  }
  const second = schema.safeParse(typed);
  return second.success
    ? { ok: true, params: second.data }
    : { ok: false, findings: findingsOf(second.error.issues, schema, typed) };
}

function converted(value: unknown, expected: string): string | number | boolean | undefined {
  if (expected === "string") return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
  if (typeof value !== "string") return undefined;
  const text = value.trim();
  if (expected === "boolean") return text === "true" ? true : text === "false" ? false : undefined;
  if (expected !== "number" && expected !== "int") return undefined;
  return /^[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/.test(text) ? Number(text) : undefined;
}
