import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { moneyMistake, parseMoney, parseShare, shownMoney } from "../../../engine/core/budget/money.ts";

describe("money in a DAG file", () => {
  it.each([
    ["25 USD", "25"],
    ["0.50 USD", "0.5"],
    ["25USD", "25"],
    ["123456789012345.000000000001 USD", "123456789012345.000000000001"],
  ])("reads %s exactly", (text, amount) => {
    expect(parseMoney(text)).toBe(amount);
    expect(moneyMistake(text)).toBeNull();
  });

  it.each([
    "",
    "25",
    "USD",
    "USD 25",
    "-1 USD",
    "1e3 USD",
    "1,000 USD",
    "0 USD",
    "0.00 USD",
    "25 usd",
    "25  USD",
    "25 USD\n",
  ])("refuses %j", (text) => {
    expect(parseMoney(text)).toBeNull();
    expect(moneyMistake(text)).toMatch(/^expected an amount/);
  });

  it("says of another currency that every price is in USD", () => {
    expect(moneyMistake("25 EUR")).toBe('expected an amount in USD, the currency of every price, got "25 EUR"');
  });

  it("keeps every cent", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e12 }), (cents) => {
        const text = `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")} USD`;
        expect(Math.round(Number(parseMoney(text)) * 100)).toBe(cents);
      }),
    );
  });
});

describe("a share", () => {
  it.each([
    ["80%", 0.8],
    ["33.3%", 0.333],
    ["100%", 1],
  ])("reads %s", (text, share) => expect(parseShare(text)).toBe(share));

  it.each(["0%", "100.1%", "80", "-5%", "%", "80 %"])("refuses %s", (text) => expect(parseShare(text)).toBeNull());
});

describe("money as people read it", () => {
  it.each([
    ["25.3051", "25.31"],
    ["25", "25"],
    ["25.5", "25.50"],
    ["25.000000000001", "25.01"],
    ["0.0012345", "0.0013"],
    ["0", "0"],
  ])("shows %s as %s: never less than was spent", (amount, shown) => expect(shownMoney(amount)).toBe(shown));
});
