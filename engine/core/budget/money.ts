import { Decimal } from "decimal.js";

/** Every price is in it: no rate of exchange turns a limit into another currency's. */
const CURRENCY = "USD";

const MONEY = /^(\d{1,15}(?:\.\d{1,12})?) ?([A-Za-z]{3})$/;

/** The exact decimal of "25 USD" or "0.50 USD"; null for what is no amount above zero in the currency of the prices. */
export function parseMoney(text: string): string | null {
  const [, amount, currency] = MONEY.exec(text) ?? [];
  if (amount === undefined || currency !== CURRENCY) return null;
  const value = new Decimal(amount);
  return value.isZero() ? null : value.toFixed();
}

/** Why parseMoney takes this for no limit; null when it does not. */
export function moneyMistake(text: string): string | null {
  if (parseMoney(text) !== null) return null;
  const currency = MONEY.exec(text)?.[2];
  if (currency !== undefined && currency !== CURRENCY) {
    return `expected an amount in ${CURRENCY}, the currency of every price, got ${JSON.stringify(text)}`;
  }
  return `expected an amount above zero and its currency, such as 25 ${CURRENCY}, got ${JSON.stringify(text)}`;
}

/** The share of "80%": above zero, at most one; null for anything else. */
export function parseShare(text: string): number | null {
  const [, percent] = /^(\d{1,3}(?:\.\d{1,6})?)%$/.exec(text) ?? [];
  const share = percent === undefined ? 0 : new Decimal(percent).div(100).toNumber();
  return share > 0 && share <= 1 ? share : null;
}

/** An amount as people read it: to the cent, and finer below one. What was spent is never shown as less. */
export function shownMoney(amount: Decimal.Value): string {
  const value = new Decimal(amount);
  if (value.isInteger()) return value.toFixed();
  return value.lt(1) ? value.toSignificantDigits(2, Decimal.ROUND_UP).toFixed() : value.toFixed(2, Decimal.ROUND_UP);
}
