import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ERRORS } from "../../engine/core/errors.ts";

const documented = (): Map<string, string> => {
  const rows = readFileSync("docs/errors.md", "utf8").matchAll(/^\| `([A-Z_]+)` \| (.+) \|$/gm);
  return new Map([...rows].map((row) => [row[1] ?? "", row[2] ?? ""]));
};

test("docs/errors.md lists exactly the codes of engine/core/errors.ts, with the same advice", () => {
  expect(Object.fromEntries(documented())).toEqual(ERRORS);
});
