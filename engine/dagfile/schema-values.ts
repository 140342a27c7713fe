import { z } from "zod";
import { moneyMistake, parseMoney, parseShare } from "../core/budget/money.ts";
import { parseDuration } from "../core/duration.ts";
import { isZone } from "../core/schedule/zone.ts";

/** A string that `read` turns into a value, or refuses with "expected …". */
export const text = <T>(expected: string, read: (text: string) => T | null) =>
  z.string().transform((value, context): T => {
    const result = read(value);
    if (result !== null) return result;
    context.addIssue({ code: "custom", message: `expected ${expected}, got ${JSON.stringify(value)}` });
    return z.NEVER;
  });

export const duration = text("a duration such as 90s, 5m, 2h, 1d or PT1H30M", parseDuration);
export const positiveDuration = text(
  "a duration above zero, such as 90s, 5m or 2h",
  (value) => parseDuration(value) || null,
);
export const zone = text("a time zone such as America/New_York", (value) => (isZone(value) ? value : null));

export const money = z.string().transform((value, context) => {
  const mistake = moneyMistake(value);
  if (mistake === null) return parseMoney(value) ?? z.NEVER;
  context.addIssue({ code: "custom", message: mistake });
  return z.NEVER;
});
export const share = z.union([z.number().gt(0).max(1), text('a share such as "80%" or 0.8', parseShare)]);

/** One plain address: no name beside it, no comment, no quotes, and so no way to write another line into a mail's head. */
const ADDRESS =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:localhost|(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)$/;
export const address = z
  .string()
  .regex(ADDRESS, "expected an e-mail address such as data-oncall@example.com")
  .refine(
    (value) => value.indexOf("@") <= 64 && value.length <= 254,
    "expected an e-mail address of at most 254 letters",
  );

/** A list that says something. */
export const some = <T extends z.ZodType>(item: T, what: string) =>
  z.array(item).refine((list) => list.length > 0, `expected at least one ${what}`);

/** Airflow's rule for ids. */
export const id = z.string().regex(/^[A-Za-z0-9_.-]{1,250}$/, "expected letters, digits, _ - and . only, at most 250");
export const names = z.array(z.string());
/** How many of something: bounded, so that no sum of them leaves the database's integers. */
export const count = z.int().min(1).max(1_000_000);
/** Anything that YAML can say and JSON can keep. */
export const json = z.json().meta({ id: "json" });
