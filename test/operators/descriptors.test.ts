import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { operatorDescriptors } from "../../operators/index.ts";
import { folderOf, sourcesOf } from "./sources.ts";

describe("what reading a DAG needs of an operator", () => {
  it.each(operatorDescriptors.map(({ type }) => type))("%s: its parameters load without the AWS clients", (type) => {
    const texts = sourcesOf(join(folderOf(type), "params.ts"));
    expect(texts.length).toBeGreaterThan(0);
    expect(texts.filter((text) => /@aws-sdk|@smithy/.test(text))).toEqual([]);
  });

  it("is told apart by a type that no other has, in alphabetical order", () => {
    const types = operatorDescriptors.map(({ type }) => type);
    expect(types).toEqual([...new Set(types)].sort());
  });

  it("names as file fields only parameters there are", () => {
    const isKnown = ({ params, fileFields }: (typeof operatorDescriptors)[number]): boolean =>
      fileFields.every((field) => {
        const probe = params.safeParse({ [field]: 0 });
        return !probe.error?.issues.some((issue) => issue.code === "unrecognized_keys");
      });
    expect(operatorDescriptors.filter((each) => !isKnown(each)).map(({ type }) => type)).toEqual([]);
  });
});
