import type { TaskFailure } from "../../engine/core/operator.ts";
import type { Row } from "../aws/redshift/result-rows.ts";
import { redshiftOperator } from "../aws/redshift/statements.ts";
import { mergeStatements, REFUSED_KEYS } from "./merge-statements.ts";
import { redshiftMergeFacts } from "./params.ts";

export const redshiftMerge = redshiftOperator({
  facts: redshiftMergeFacts,
  batch: async (params) => ({ statements: mergeStatements(params) }),
  output: ([counts]: readonly Row[]) => ({
    rows_inserted: Number(counts?.["rows_inserted"] ?? 0),
    rows_updated: Number(counts?.["rows_updated"] ?? 0),
  }),
  failure: refusedKeys,
});

/** The first statement fails by its own doing when staging breaks the keys: a text that is no number, on any engine. */
function refusedKeys(message: string, statement: number): TaskFailure | null {
  const isOurs = message.includes(REFUSED_KEYS) || /invalid digit/i.test(message);
  if (statement !== 1 || !isOurs) return null;
  const text = "staging holds rows with the same key, or with an empty one: nothing was merged";
  return { class: "permanent", code: "CHECK_FAILED", message: text };
}
