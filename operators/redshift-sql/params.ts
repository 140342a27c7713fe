import { z } from "zod";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";
import { REDSHIFT_LAUNCH } from "../aws/redshift/launch-kind.ts";

/** The Data API's limit for one batch. */
export const MOST_STATEMENTS = 40;

export const redshiftSqlFacts = {
  type: "redshift.sql",
  summary: "Runs SQL statements in Redshift as one transaction",
  params: z
    .strictObject({
      statements: z.array(z.string().min(1)).min(1).max(MOST_STATEMENTS).optional(),
      file: z.string().min(1).optional().describe("path of a file of statements that end in ;"),
      parameters: z.record(z.string().regex(/^\w+$/), z.union([z.string(), z.number()])).optional(),
    })
    .refine(({ statements, file }) => (statements === undefined) !== (file === undefined), {
      error: "give either statements or file",
    }),
  launch: REDSHIFT_LAUNCH,
  fileFields: ["file"],
} satisfies Omit<OperatorDescriptor, "load">;

export type RedshiftSqlParams = z.infer<typeof redshiftSqlFacts.params>;
