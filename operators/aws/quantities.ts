import { Decimal } from "decimal.js";

/** Twelve places of an hour or a terabyte are far below a millionth of a cent. */
const PLACES = 12;

/** `units` used for `seconds`, in unit-hours, as an exact decimal. */
export const unitHours = (seconds: Decimal.Value, units: Decimal.Value): string =>
  new Decimal(seconds).times(units).div(3600).toDecimalPlaces(PLACES).toFixed();

/** A count of `size`s in `amount`, as an exact decimal. */
export const unitsOf = (amount: Decimal.Value, size: Decimal.Value): string =>
  new Decimal(amount).div(size).toDecimalPlaces(PLACES).toFixed();

/** Seconds between two moments, never negative. */
export const secondsBetween = (from: Date, to: Date): number => Math.max(0, (to.getTime() - from.getTime()) / 1000);
