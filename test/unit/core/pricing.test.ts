import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { amountOf, sumOf } from "../../../engine/core/pricing/amounts.ts";
import { priceOf } from "../../../engine/core/pricing/price-table.ts";

describe("prices", () => {
  it("bills AWS's own example to the cent: a Glue job of 6 DPU for 15 minutes costs 0.66 USD", () => {
    expect(amountOf({ quantity: "1.5" }, priceOf("glue.dpu_hour"))).toBe("0.66");
  });

  it("adds EMR's price to the instance's: m5.xlarge is 0.192 + 0.048", () => {
    const price = priceOf("emr.m5.xlarge.instance_hour");
    expect(price).toMatchObject({ unitPrice: "0.24", currency: "USD" });
    expect(price.source).toMatch(/general knowledge$/);
  });

  it("says of a price where it is from, when it was read and how sure it is", () => {
    expect(priceOf("athena.tb_scanned").source).toMatch(
      /^Amazon Athena pricing, us-east-1, read 20\d\d-\d\d-\d\d, confirmed$/,
    );
  });

  it("lets nocturne.yaml override a price", () => {
    expect(priceOf("glue.dpu_hour", { "glue.dpu_hour": "0.40" })).toEqual({
      unitPrice: "0.40",
      currency: "USD",
      source: "nocturne.yaml",
    });
  });

  it("prices an unknown kind at nothing and says so, also one named like a property of every object", () => {
    for (const kind of ["emr.x99.huge.instance_hour", "constructor"]) {
      expect(priceOf(kind)).toEqual({
        unitPrice: "0",
        currency: "USD",
        source: `no price known; set prices: {${kind}: …}`,
      });
    }
  });

  it("sums exactly, whatever the order", () => {
    const cents = fc.array(fc.bigInt({ min: 0n, max: 10n ** 15n }));
    fc.assert(
      fc.property(cents, (values) => {
        const texts = values.map((value) => `${value / 100n}.${String(value % 100n).padStart(2, "0")}`);
        const total = values.reduce((sum, value) => sum + value, 0n);
        const asCents = (text: string): bigint =>
          BigInt(
            text.replace(
              /^(\d+)(?:\.(\d{1,2}))?$/,
              (_, whole: string, part = "") => whole + String(part).padEnd(2, "0"),
            ),
          );
        expect(asCents(sumOf(texts))).toBe(total);
        expect(sumOf([...texts].reverse())).toBe(sumOf(texts));
      }),
    );
  });
});
