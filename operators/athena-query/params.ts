import { z } from "zod";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";
import { ATHENA_LAUNCH } from "../aws/athena/launch-kind.ts";
import { ONE_TEXT, oneText, queryParams } from "../aws/athena/query-params.ts";

export const athenaQueryFacts = {
  type: "athena.query",
  summary: "Runs a statement in Athena",
  params: z
    .strictObject({
      ...queryParams,
      output_location: z
        .string()
        .regex(/^s3:\/\/[^/]+/, "expected s3://bucket/prefix/")
        .optional(),
    })
    .refine(oneText, ONE_TEXT),
  launch: ATHENA_LAUNCH,
  fileFields: ["file"],
  shownTogether: () => "",
} satisfies Omit<OperatorDescriptor, "load">;

export type AthenaQueryParams = z.infer<typeof athenaQueryFacts.params>;
