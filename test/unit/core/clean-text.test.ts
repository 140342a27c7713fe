import fc from "fast-check";
import { expect, it } from "vitest";
import { cleanJson, cleanText } from "../../../engine/core/clean-text.ts";
import type { Json } from "../../../engine/core/json.ts";

const anyText = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) });

it("a cleaned text has no NUL, no half of a surrogate pair, and at most the allowed length", () => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 10, max: 40 }), (text, max) => {
      const clean = cleanText(text, max);
      expect(clean).not.toMatch(/[\0\p{Surrogate}]/u);
      expect(clean.length).toBeLessThanOrEqual(max);
    }),
  );
});

it("a text that needs no cleaning stays as it is", () => {
  expect(cleanText("naïve 😀\n\tok", 40)).toBe("naïve 😀\n\tok");
});

it("a text that is too long says that it was cut, also in the middle of a pair", () => {
  expect(cleanText("😀".repeat(20), 20)).toMatch(/^(😀)+\uFFFD? … \(cut\)$/u);
});

it("a document is cleaned in its keys and at every depth, and only there", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(cleanJson(value as Json)).toEqual(value);
    }),
  );
  expect(cleanJson({ "a\0": [{ b: "\0" }, 1, null, true] })).toEqual({ "a\uFFFD": [{ b: "\uFFFD" }, 1, null, true] });
});
