import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readDagFile } from "../../engine/dagfile/read.ts";
import { at } from "../../engine/dagfile/schema-issues.ts";
import { dagJsonSchema } from "../../engine/dagfile/json-schema.ts";
import { operatorDescriptors as operators } from "../../operators/index.ts";

const guide = await readFile(fileURLToPath(new URL("../../docs/guide/schedules.md", import.meta.url)), "utf8");

/** An example of the page shows a DAG's head; with a task it is whole. */
const problemsOf = (head: string): string[] => {
  const text = `dag: example\n${head}\ntasks:\n  sleep: { operator: noop }\n`;
  const { problems } = readDagFile({ file: "example", text, operators, readProjectFile: () => null });
  return problems.map(({ message }) => message);
};

test("the examples of the page on schedules have no problem", () => {
  const blocks = [...guide.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = ""]) => text);
  expect(blocks.length).toBeGreaterThan(5);
  for (const block of blocks) expect(problemsOf(block), block).toEqual([]);
});

test("every kind of schedule in its table is one, and every preset is there", () => {
  const kinds = [...guide.matchAll(/^\| (`.*?) \| /gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`(["{].*?|none)`/g)].map(([, text = ""]) => text),
  );
  expect(kinds.length).toBeGreaterThan(8);
  for (const kind of kinds) expect(problemsOf(`schedule: ${kind}\nstart_date: 2026-01-01`), kind).toEqual([]);
});

test("every key of a schedule is described on the page", () => {
  const keys = Object.keys(
    at(dagJsonSchema(operators), ["properties", "schedule", "anyOf", 1, "properties"]) as object,
  );
  expect(keys).toContain("skip_dates");
  for (const key of keys) expect(guide, key).toMatch(new RegExp(`\`${key}[\`:]|^  ${key}:`, "m"));
});
