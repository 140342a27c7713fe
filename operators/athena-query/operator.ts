import { athenaOperator, type QueryRef } from "../aws/athena/queries.ts";
import { athenaQueryFacts, type AthenaQueryParams } from "./params.ts";

export const athenaQuery = athenaOperator({
  facts: athenaQueryFacts,
  ref: (_params: AthenaQueryParams, query_execution_id): QueryRef => ({ query_execution_id }),
  judge: ({ rows, isCut }, { query_execution_id }) => ({ output: { rows, truncated: isCut, query_execution_id } }),
});
