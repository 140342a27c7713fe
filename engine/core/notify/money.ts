import { Decimal } from "decimal.js";

/** "25.31 USD": at most four decimals, for people. The exact figure is in the ledger. */
export const moneyText = (amount: string, currency: string): string =>
  `${new Decimal(amount).toDecimalPlaces(4).toFixed()} ${currency}`;

/** "101%": `part` of `whole`, rounded down; null of nothing. */
export function shareText(part: string, whole: string): string | null {
  const of = new Decimal(whole);
  return of.isZero() ? null : `${new Decimal(part).times(100).div(of).floor().toFixed()}%`;
}
