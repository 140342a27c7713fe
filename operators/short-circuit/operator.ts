import { isTruthy } from "../../engine/core/condition.ts";
import type { Operator } from "../../engine/core/operator.ts";
import { shortCircuitFacts, type ShortCircuitParams } from "./params.ts";

interface Decided {
  readonly condition: boolean;
}

export const shortCircuit: Operator<ShortCircuitParams, null, Decided> = {
  ...shortCircuitFacts,
  batchSize: 1,
  submit: async ({ condition, ignore_downstream_trigger_rules: ignoresRules }) => {
    const output = { condition: isTruthy(condition) };
    if (output.condition) return { kind: "done", output };
    return { kind: "done", output, leads: { stop: ignoresRules ? "all" : "direct" } };
  },
  // There is never anything to look at: submit is already done.
  observe: async (jobs) => jobs.map(() => ({ kind: "unseen" })),
  cancel: async () => undefined,
};
