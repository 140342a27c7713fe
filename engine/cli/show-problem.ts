import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Problem } from "../core/errors.ts";
import { formatProblem } from "../dagfile/format-problem.ts";

/** A problem with its place: the line of the file with a caret below, and what to do next. */
export function showProblem(problem: Problem, options: { readonly cwd: string; readonly color: boolean }): string {
  let text: string | null = null;
  try {
    if (problem.at !== undefined) text = readFileSync(resolve(options.cwd, problem.at.file), "utf8");
  } catch {
    // a file that is missing is the problem itself
  }
  return formatProblem(problem, text, { color: options.color });
}
