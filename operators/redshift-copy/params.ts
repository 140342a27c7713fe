import { z } from "zod";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";
import { columnName, tableName } from "../aws/redshift/identifiers.ts";
import { REDSHIFT_LAUNCH } from "../aws/redshift/launch-kind.ts";

export const redshiftCopyFacts = {
  type: "redshift.copy",
  summary: "Loads files from S3 into a Redshift table",
  params: z.strictObject({
    table: tableName,
    from: z.string().regex(/^s3:\/\/[^/]+\/[^\0]+$/, "expected s3://bucket/prefix"),
    format: z.enum(["parquet", "csv", "json"]).describe("csv: the first line of each file is its header"),
    mode: z.enum(["append", "replace"]).describe("replace: the table holds nothing else afterwards"),
    columns: z.array(columnName).min(1).optional(),
    iam_role: z.string().min(1).optional(),
  }),
  launch: REDSHIFT_LAUNCH,
  fileFields: [],
} satisfies Omit<OperatorDescriptor, "load">;

export type RedshiftCopyParams = z.infer<typeof redshiftCopyFacts.params>;
