import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalJson } from "../../../engine/core/canonical-json.ts";

/** The same value with the keys of every object the other way round. */
function turned(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(turned);
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, each]) => [key, turned(each)]),
  );
}

test("the order of keys makes no difference, and what it says is JSON of the value", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value);
      expect(canonicalJson(turned(value))).toBe(text);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test.each<[unknown, string]>([
  [{ b: 1, a: [true, null, "x"] }, '{"a":[true,null,"x"],"b":1}'],
  [{ a: undefined, b: [undefined] }, '{"b":[null]}'],
  [{ 10: "x", 9: "y", a: "z" }, '{"10":"x","9":"y","a":"z"}'],
  ['\u2028"', JSON.stringify('\u2028"')],
  [{ n: Infinity, z: -0 }, '{"n":null,"z":0}'],
])("%j is written as %s", (value, text) => {
  expect(canonicalJson(value)).toBe(text);
});
