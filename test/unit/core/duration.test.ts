import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatDuration, parseDuration } from "../../../engine/core/duration.ts";
import { nearest } from "../../../engine/core/similar.ts";

describe("durations", () => {
  it("are read in short form and in ISO 8601", () => {
    const read = (text: string) => parseDuration(text);
    expect([read("90s"), read("5m"), read("2h"), read("1d"), read("1h30m"), read("200ms")]).toEqual([
      90_000, 300_000, 7_200_000, 86_400_000, 5_400_000, 200,
    ]);
    expect([read("PT1H30M"), read("P1D"), read("PT0.5S"), read("P1DT1S")]).toEqual([
      5_400_000, 86_400_000, 500, 86_401_000,
    ]);
  });

  it("refuse what is none", () => {
    for (const text of ["", "5", "m5", "5 m", "1m1h", "P", "PT", "-5m", "1.5h", "99999999999999999d"]) {
      expect(parseDuration(text), text).toBeNull();
    }
  });

  it("read back what they print", () => {
    fc.assert(fc.property(fc.nat(1e12), (ms) => parseDuration(formatDuration(ms)) === ms));
    expect(formatDuration(5_400_000)).toBe("1h30m");
  });
});

describe("a better spelling", () => {
  it("is the nearest name within a third of the letters", () => {
    const names = ["clean_sales", "quality_gate", "merge"];
    expect(nearest("clean_sale", names)).toBe("clean_sales");
    expect(nearest("celan_sales", names)).toBe("clean_sales");
    expect(nearest("mrege", names)).toBe("merge");
    expect(nearest("publish", names)).toBeUndefined();
  });
});
