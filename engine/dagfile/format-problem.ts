import type { Problem } from "../core/errors.ts";
import { ERRORS } from "../core/errors.ts";

/**
 * A problem as a person reads it: where, what, the line itself with the place underlined, and what to do next.
 * `text` is the file's content; without it, or without a place, the line is left out.
 */
export function formatProblem(problem: Problem, text: string | null, options: { readonly color: boolean }): string {
  const paint = (code: number, part: string): string => (options.color ? `\u001b[${code}m${part}\u001b[0m` : part);
  const { at } = problem;
  const next = problem.didYouMean === undefined ? ERRORS[problem.code] : `did you mean ${problem.didYouMean}?`;
  const place = at && [at.file, at.line, at.column].filter((part) => part !== undefined).join(":");
  const head = [place, paint(31, problem.code), problem.message].filter((part) => part !== undefined).join("  ");
  const line = at?.line === undefined ? undefined : text?.split(/\r?\n/)[at.line - 1];
  if (line === undefined || at?.line === undefined) return `${head}\n    ${paint(36, next)}`;
  const number = String(at.line).padStart(6);
  const column = (at.column ?? 1) - 1;
  // Tabs stay tabs, so that the carets stand under what they mean.
  const before = line.slice(0, column).replace(/[^\t]/g, " ");
  const carets = "^".repeat(Math.max(1, Math.min(at.length ?? 1, line.length - column)));
  return `${head}\n${number} | ${line}\n       | ${before}${paint(31, carets)} ${paint(36, next)}`;
}
