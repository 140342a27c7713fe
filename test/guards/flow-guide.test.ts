import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { readOne, withoutDuplicates } from "../../engine/dagfile/read.ts";
import { operatorDescriptors } from "../../operators/index.ts";

const examplesOf = (page: string): string[] => {
  const text = readFileSync(new URL(`../../docs/guide/${page}`, import.meta.url), "utf8");
  return [...text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, example = ""]) => example);
};

it.each(["flow.md", "assets.md"])("the examples of docs/guide/%s are DAGs without a problem", (page) => {
  const examples = examplesOf(page);
  expect(examples.length).toBeGreaterThan(0);
  for (const text of examples) {
    const given = { file: page, text, operators: operatorDescriptors, readProjectFile: () => null };
    expect(withoutDuplicates([readOne(given)]).problems, text).toEqual([]);
  }
});
