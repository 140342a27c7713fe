import { z } from "zod";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";
import { columnName, tableName } from "../aws/redshift/identifiers.ts";
import { REDSHIFT_LAUNCH } from "../aws/redshift/launch-kind.ts";

export const redshiftMergeFacts = {
  type: "redshift.merge",
  summary: "Merges a staging table into a Redshift table by key",
  params: z
    .strictObject({
      target: tableName,
      staging: tableName,
      keys: z.array(columnName).min(1),
      columns: z.array(columnName).min(1).describe("every column that is written, the keys among them"),
    })
    .superRefine(({ target, staging, keys, columns }, context) => {
      const issue = (path: string, message: string): void =>
        context.addIssue({ code: "custom", path: [path], message });
      for (const key of keys) if (!columns.includes(key)) issue("keys", `${key} is not among the columns`);
      if (new Set(columns).size < columns.length) issue("columns", "a column is named twice");
      if (target.toLowerCase() === staging.toLowerCase()) issue("staging", "a table cannot be merged into itself");
    }),
  launch: REDSHIFT_LAUNCH,
  fileFields: [],
} satisfies Omit<OperatorDescriptor, "load">;

export type RedshiftMergeParams = z.infer<typeof redshiftMergeFacts.params>;
