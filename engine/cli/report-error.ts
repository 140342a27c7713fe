import { ERRORS, NocturneError, type Problem } from "../core/errors.ts";
import { exitCodeOf } from "./exit-codes.ts";

/** What went wrong as problems a person can act on: known ones as they are, the system's by their code, the rest as a bug. */
export function problemsOf(error: unknown): readonly Problem[] {
  if (error instanceof NocturneError) return error.problems;
  const message = error instanceof Error ? error.message : String(error);
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT" || code === "53100") return [{ code: "DISK_FULL", message }];
    if (code === "EADDRINUSE") return [{ code: "PORT_TAKEN", message }];
  }
  return [{ code: "INTERNAL", message }];
}

/** The lines for standard error, and the exit code. `format` shows a problem that has a place, with its advice. */
export function reportError(
  error: unknown,
  options: { readonly debug: boolean; readonly format: (problem: Problem) => string },
): { readonly lines: readonly string[]; readonly exitCode: number } {
  const problems = problemsOf(error);
  const codes = [...new Set(problems.map(({ code }) => code))];
  const placeless = problems.filter((problem) => problem.at === undefined);
  const lines = [
    ...problems.filter((problem) => problem.at !== undefined).map(options.format),
    ...placeless.map(
      ({ code, message, didYouMean }) =>
        `nocturne: ${code}  ${message}${didYouMean === undefined ? "" : `; did you mean ${didYouMean}?`}`,
    ),
    ...new Set(placeless.map(({ code }) => `  ${ERRORS[code]}`)),
  ];
  const stack = options.debug && error instanceof Error ? stackLines(error) : [];
  return {
    lines: [...lines, ...stack],
    exitCode: Math.max(...codes.map(exitCodeOf)),
  };
}

function stackLines(error: Error): string[] {
  const own = (error.stack ?? String(error)).split("\n");
  return error.cause instanceof Error ? [...own, "caused by:", ...stackLines(error.cause)] : own;
}
