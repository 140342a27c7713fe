import { athenaOperator, type QueryRef } from "../aws/athena/queries.ts";
import { judge } from "./expectation.ts";
import { athenaCheckFacts, type AthenaCheckParams, type Expectation } from "./params.ts";

/** The expectation goes with the id: it is compared when the result is looked at. */
type Ref = QueryRef & { readonly expect: Expectation };

export const athenaCheck = athenaOperator({
  facts: athenaCheckFacts,
  ref: ({ expect }: AthenaCheckParams, query_execution_id): Ref => ({ query_execution_id, expect }) as Ref,
  judge(result, { expect, query_execution_id }) {
    const verdict = judge(result, expect);
    if (verdict.ok) return { output: { column: verdict.column, value: verdict.value, query_execution_id } };
    return { failure: { class: "permanent", code: "CHECK_FAILED", message: verdict.why } };
  },
});
