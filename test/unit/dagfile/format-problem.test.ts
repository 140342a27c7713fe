import { describe, expect, it } from "vitest";
import { formatProblem } from "../../../engine/dagfile/format-problem.ts";

const text = "tasks:\n\ta: 1\n    depends_on: [clean_sale]\n";
const at = { file: "dags/x.yaml", line: 3, column: 18, length: 10 };
const problem = { code: "DAG_UNKNOWN_TASK", message: "clean_sale: no such task in depends_on", at } as const;

describe("a problem as a person reads it", () => {
  it("shows the line, underlines the place and offers a better spelling", () => {
    expect(formatProblem({ ...problem, didYouMean: "clean_sales" }, text, { color: false })).toBe(
      `dags/x.yaml:3:18  DAG_UNKNOWN_TASK  clean_sale: no such task in depends_on
     3 |     depends_on: [clean_sale]
       |                  ^^^^^^^^^^ did you mean clean_sales?`,
    );
  });

  it("says what to do next where no spelling is near, and keeps tabs under tabs", () => {
    expect(
      formatProblem({ ...problem, at: { ...at, line: 2, column: 2, length: 1 } }, text, { color: false }),
    ).toContain("\n     2 | \ta: 1\n       | \t^ Name a task of this DAG.");
  });

  it("does without a line or a place", () => {
    expect(formatProblem(problem, null, { color: false })).toBe(
      "dags/x.yaml:3:18  DAG_UNKNOWN_TASK  clean_sale: no such task in depends_on\n    Name a task of this DAG.",
    );
    expect(formatProblem({ code: "USAGE", message: "no" }, null, { color: false })).toBe(
      "USAGE  no\n    Run the command with --help.",
    );
    expect(formatProblem(problem, text, { color: true })).toContain("\u001b[31m^^^^^^^^^^\u001b[0m");
  });
});
