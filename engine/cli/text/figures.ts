import { Decimal } from "decimal.js";

/** "2026-01-31 02:15:07Z": an instant for a table. */
export function timeText(at: number | null): string {
  return at === null ? "" : `${new Date(at).toISOString().slice(0, 19).replace("T", " ")}Z`;
}

/** "0.8 s", "42 s", "3 min 07 s", "2 h 05 min": how long something took. */
export function spanText(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const two = (value: number): string => String(value).padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
}

/** "12,345.60": an exact decimal with its thousands parted. */
export function groupDigits(decimal: string): string {
  const [whole = "", fraction] = decimal.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** "1 night", "14 nights". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** "1.23": an exact decimal rounded to the cent, halves up. */
export const cents = (amount: string): string => new Decimal(amount).toFixed(2);

/** "1.23 USD": money for people, to the cent; nothing where nothing is booked. */
export function costText({ amount, currency }: { readonly amount: string; readonly currency: string | null }): string {
  return currency === null ? "" : `${groupDigits(cents(amount))} ${currency}`;
}

/** "2026-01-31T02:15:07.000Z": an instant for programs. */
export const isoOrNull = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
