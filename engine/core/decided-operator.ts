import type { AnyOperator, OperatorDescriptor } from "./operator.ts";
import type { JsonObject } from "./json.ts";

type Facts = Omit<OperatorDescriptor, "load"> & Required<Pick<OperatorDescriptor, "decide">>;

/** The operator of tasks that ask nobody: for an attempt that was begun without being decided. */
export const decided = (facts: Facts): AnyOperator => ({
  ...facts,
  batchSize: 1,
  submit: async (params: JsonObject) => facts.decide(params),
  // There is never anything to look at: submit is already done.
  observe: async (jobs: readonly unknown[]) => jobs.map(() => ({ kind: "unseen" as const })),
  cancel: async () => undefined,
});
