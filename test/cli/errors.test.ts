import { describe, expect, test } from "vitest";
import { EXIT, exitCodeOf } from "../../engine/cli/exit-codes.ts";
import { problemsOf, reportError } from "../../engine/cli/report-error.ts";
import { ERRORS, NocturneError, type Problem } from "../../engine/core/errors.ts";

const format = (problem: Problem): string =>
  `${problem.at?.file ?? ""}:${problem.at?.line ?? 0}  ${problem.message}\n  ^`;
const report = (error: unknown, debug = false) => reportError(error, { debug, format });

describe("errors on the command line", () => {
  test("an expected failure is its code, one sentence and what to do, without a stack", () => {
    const { lines, exitCode } = report(new NocturneError({ code: "DAG_NOT_FOUND", message: "sale: no such DAG" }));
    expect(lines).toEqual(["nocturne: DAG_NOT_FOUND  sale: no such DAG", `  ${ERRORS.DAG_NOT_FOUND}`]);
    expect(exitCode).toBe(EXIT.notFound);
  });

  test("problems with a place are shown there, and those without share one advice", () => {
    const at = { file: "nocturne.yaml", line: 3 };
    const placed: Problem = { code: "CONFIG_INVALID", message: "no such key", at };
    const other: Problem = { code: "USAGE", message: "--fleet: expected a name" };
    expect(report(new NocturneError([placed, other, other])).lines).toEqual([
      "nocturne.yaml:3  no such key\n  ^",
      "nocturne: USAGE  --fleet: expected a name",
      "nocturne: USAGE  --fleet: expected a name",
      `  ${ERRORS.USAGE}`,
    ]);
  });

  test("a full disk and a taken port are known wherever they come from", () => {
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    expect(problemsOf(new Error("the upload failed", { cause: full }))).toMatchObject([{ code: "DISK_FULL" }]);
    expect(problemsOf(Object.assign(new Error("could not extend file"), { code: "53100" }))).toMatchObject([
      { code: "DISK_FULL" },
    ]);
    expect(problemsOf(Object.assign(new Error("listen EADDRINUSE"), { code: "EADDRINUSE" }))).toMatchObject([
      { code: "PORT_TAKEN" },
    ]);
  });

  test("anything else is a bug and says so; only --debug shows where it happened", () => {
    const bug = new TypeError("x is undefined", { cause: new Error("the first cause") });
    expect(report(bug)).toEqual({
      lines: ["nocturne: INTERNAL  x is undefined", `  ${ERRORS.INTERNAL}`],
      exitCode: EXIT.failed,
    });
    const { lines } = report(bug, true);
    expect(lines.join("\n")).toContain("errors.test.ts");
    expect(lines).toContain("caused by:");
  });

  test("usage is 2, not found 3, refused 4, the rest 1", () => {
    expect(
      (
        [
          "USAGE",
          "CONFIG_INVALID",
          "RUN_NOT_FOUND",
          "TOKEN_NOT_FOUND",
          "HOME_IN_USE",
          "DAG_PAUSED",
          "ASSET_NOT_FOUND",
          "APPROVAL_NOT_FOUND",
          "APPROVAL_DECIDED",
          "JOB_FAILED",
        ] as const
      ).map(exitCodeOf),
    ).toEqual([2, 2, 3, 3, 4, 4, 3, 3, 4, 1]);
  });
});
