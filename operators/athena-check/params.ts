import { z } from "zod";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";
import { ATHENA_LAUNCH } from "../aws/athena/launch-kind.ts";
import { ONE_TEXT, oneText, queryParams } from "../aws/athena/query-params.ts";

const decimal = z.union([z.number(), z.string().regex(/^[-+]?\d+(\.\d+)?([eE][-+]?\d+)?$/, "expected a number")]);

/** The three ways to compare; exactly one is given. */
const COMPARISONS = ["equals", "at_most", "at_least"] as const;

export const expectation = z
  .strictObject({
    column: z.string().min(1).optional().describe("the first one when absent"),
    equals: z.union([z.string(), z.number()]).optional(),
    at_most: decimal.optional(),
    at_least: decimal.optional(),
    null_as: z.union([z.string(), z.number()]).optional().describe("what a NULL counts as"),
  })
  .refine((expect) => COMPARISONS.filter((each) => expect[each] !== undefined).length === 1, {
    error: "give exactly one of equals, at_most and at_least",
  });

export type Expectation = z.infer<typeof expectation>;

export const athenaCheckFacts = {
  type: "athena.check",
  summary: "Runs a query in Athena and compares its first row with what is expected",
  params: z.strictObject({ ...queryParams, expect: expectation }).refine(oneText, ONE_TEXT),
  launch: ATHENA_LAUNCH,
  fileFields: ["file"],
  shownTogether: () => "",
} satisfies Omit<OperatorDescriptor, "load">;

export type AthenaCheckParams = z.infer<typeof athenaCheckFacts.params>;
