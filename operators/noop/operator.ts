import type { Operator } from "../../engine/core/operator.ts";
import { noopFacts } from "./params.ts";

export const noop: Operator<Record<string, never>, null, object> = {
  ...noopFacts,
  batchSize: 1,
  submit: async () => ({ kind: "done" }),
  // There is never anything to look at: submit is already done.
  observe: async (jobs) => jobs.map(() => ({ kind: "unseen" })),
  cancel: async () => undefined,
};
