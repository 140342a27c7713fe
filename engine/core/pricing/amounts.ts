import { Decimal } from "decimal.js";
import type { Price } from "./price.ts";
import type { Usage } from "../operator.ts";

/** What the usage costs, as an exact decimal in the price's currency. */
export const amountOf = (usage: Pick<Usage, "quantity">, price: Pick<Price, "unitPrice">): string =>
  new Decimal(usage.quantity).times(price.unitPrice).toFixed();

/** The exact sum of decimals; "0" of none. */
export const sumOf = (amounts: readonly string[]): string =>
  amounts.reduce((sum, amount) => sum.plus(amount), new Decimal(0)).toFixed();
