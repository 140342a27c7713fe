import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Document, isScalar, parseDocument } from "yaml";
import { valueOffset } from "../../../engine/dagfile/scalar-offset.ts";

describe("the place of a character of a YAML string", () => {
  it("is where that character is written, however the string is written", () => {
    const words = fc.array(fc.constantFrom("select", "{{ ds }}", "a", "{{ params.x }}", "from", "'quoted'"), {
      minLength: 1,
      maxLength: 30,
    });
    const styles = fc.constantFrom("PLAIN", "QUOTE_DOUBLE", "QUOTE_SINGLE", "BLOCK_FOLDED", "BLOCK_LITERAL");
    fc.assert(
      fc.property(words, styles, fc.nat(), (list, style, pick) => {
        const value = list.join(" ");
        const document = new Document({ key: value });
        const node = document.get("key", true);
        if (isScalar(node)) node.type = style;
        const text = document.toString({ lineWidth: 30 });
        const parsed = parseDocument(text).get("key", true);
        if (!isScalar(parsed) || !parsed.range) throw new Error("the key has a value");
        const source = text.slice(parsed.range[0], parsed.range[1]);
        const offset = pick % value.length;
        const written = source[valueOffset(source, String(parsed.value), offset)];
        expect(written === "\n" ? " " : written).toBe(String(parsed.value)[offset]);
      }),
    );
  });
});
