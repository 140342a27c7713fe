import { z } from "zod";

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A column, or one part of a table's name. What is checked here may stand in a statement. */
export const columnName = z.string().regex(NAME, "expected a name: letters, digits and _");

export const tableName = z
  .string()
  .refine((text) => /^[^.]+(\.[^.]+)?$/.test(text) && text.split(".").every((part) => NAME.test(part)), {
    error: "expected schema.table: letters, digits and _",
  });

/** "mart.sales" as "mart"."sales". Redshift folds quoted names to lower case as it does bare ones. */
export const quoted = (name: string): string =>
  name
    .split(".")
    .map((part) => `"${part}"`)
    .join(".");

export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
