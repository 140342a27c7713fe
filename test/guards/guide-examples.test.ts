import { expect, test } from "vitest";
import { guideExamples } from "../runtime/guide-examples.ts";

const { examples, problems } = guideExamples();

test("every whole DAG that the guide shows has no problem", () => {
  expect(problems).toEqual([]);
  expect(examples.length).toBeGreaterThan(20);
});

test("no two DAGs of the guide have one id: whoever tries both has both", () => {
  const ids = examples.map(({ page, dag }) => `${dag.spec.dagId} (${page})`);
  const twice = ids.filter((id, index) => ids.some((other, at) => at !== index && idOf(other) === idOf(id)));
  expect(twice).toEqual([]);
});

const idOf = (text: string): string => text.replace(/ \(.*/, "");
