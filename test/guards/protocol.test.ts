import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

interface Rule {
  readonly number: number;
  sentences: string;
  readonly tests: { readonly file: string; readonly name: string }[];
}

/** The rules of docs/protocol.md, each with its sentences and the tests below them. */
function rulesOfThePage(): Rule[] {
  const found: Rule[] = [];
  for (const line of readFileSync("docs/protocol.md", "utf8").split("\n")) {
    const [, number] = /^### Rule (\d+)$/.exec(line) ?? [];
    const [, file, name] = /^- `([^`]+)`: (.+)$/.exec(line) ?? [];
    if (number !== undefined) found.push({ number: Number(number), sentences: "", tests: [] });
    else if (file !== undefined && name !== undefined) found.at(-1)?.tests.push({ file, name });
    else if (!line.startsWith("#") && found.length > 0) found[found.length - 1]!.sentences += line;
  }
  return found;
}

/** Whether the file has a test, or a group of tests, with just these words. */
function isThere({ file, name }: Rule["tests"][number]): boolean {
  const path = `test/${file}.test.ts`;
  if (!existsSync(path)) return false;
  const text = readFileSync(path, "utf8");
  return [JSON.stringify(name), `'${name}'`, `\`${name}\``].some((title) => text.includes(`${title},`));
}

/** "rule 13: …", "… (rules 1, 2, 11)". */
function numbersIn(name: string): number[] {
  const lists = [...name.matchAll(/\brules? (\d+(?:(?:, | and )\d+)*)/g)];
  return lists.flatMap(([, list = ""]) => (list.match(/\d+/g) ?? []).map(Number));
}

const rules = rulesOfThePage();

test("docs/protocol.md has every rule once, in order, and says what it promises", () => {
  expect(rules.map(({ number }) => number)).toEqual(Array.from({ length: 34 }, (_, index) => index + 1));
  expect(rules.filter(({ sentences }) => !sentences.endsWith("."))).toEqual([]);
});

test("every test that docs/protocol.md names is there", () => {
  expect(rules.flatMap(({ tests }) => tests.filter((each) => !isThere(each)))).toEqual([]);
});

test("each rule has a test whose name says its number", () => {
  const unnamed = rules.filter(({ number, tests }) => !tests.some(({ name }) => numbersIn(name).includes(number)));
  expect(unnamed.map(({ number }) => number)).toEqual([]);
});
