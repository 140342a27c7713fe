import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

interface Named {
  readonly sentence: string;
  readonly tests: readonly { readonly file: string; readonly name: string }[];
}

/** The sentences of docs/semantics.md, each with the tests below it. */
function sentences(): Named[] {
  const found: { sentence: string; tests: { file: string; name: string }[] }[] = [];
  for (const line of readFileSync("docs/semantics.md", "utf8").split("\n")) {
    const [, sentence] = /^- (.+)$/.exec(line) ?? [];
    if (sentence !== undefined) found.push({ sentence, tests: [] });
    const [, file, name] = /^ {2}- `([^`]+)`: (.+)$/.exec(line) ?? [];
    if (file !== undefined && name !== undefined) found.at(-1)?.tests.push({ file, name });
  }
  return found;
}

/** Whether the file has a test, or a case of one, with just these words. */
function has(text: string, name: string): boolean {
  return [JSON.stringify(name), `'${name}'`, `\`${name}\``].some((title) => text.includes(`${title},`));
}

test("every sentence of docs/semantics.md names a test", () => {
  expect(sentences().length).toBeGreaterThan(80);
  expect(sentences().filter(({ tests }) => tests.length === 0)).toEqual([]);
});

test("every test that docs/semantics.md names is there", () => {
  const missing = sentences().flatMap(({ tests }) =>
    tests.filter(({ file, name }) => {
      const path = `test/${file}.test.ts`;
      return !existsSync(path) || !has(readFileSync(path, "utf8"), name);
    }),
  );
  expect(missing).toEqual([]);
});
