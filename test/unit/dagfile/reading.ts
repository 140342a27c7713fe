import { expect } from "vitest";
import type { LoadedDag } from "../../../engine/core/dag.ts";
import { readDagFile } from "../../../engine/dagfile/read.ts";
import { operators } from "./operators.ts";

export const files: Record<string, string> = { "sql/clean.sql": "SELECT 1", "sql/other.sql": "SELECT 2" };
export const read = (text: string, project = files) =>
  readDagFile({
    file: "dags/x.yaml",
    text,
    operators,
    readProjectFile: (path) => (project[path] === undefined ? null : Buffer.from(project[path])),
  });

/** "line:column CODE message (did you mean)" of every problem. */
export const problems = (text: string): string[] =>
  read(text).problems.map(
    ({ code, message, at, didYouMean }) =>
      `${at.line}:${at.column}+${at.length} ${code} ${message}${didYouMean === undefined ? "" : ` (${didYouMean}?)`}`,
  );

export function only(text: string, project = files): LoadedDag {
  const { dags, problems } = read(text, project);
  expect(problems).toEqual([]);
  expect(dags).toHaveLength(1);
  return dags[0] as LoadedDag;
}

export const dag = (tasks: string, head = ""): string => `dag: nightly\n${head}tasks:\n${tasks.replace(/^/gm, "  ")}\n`;
