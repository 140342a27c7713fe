import type { AnyOperator, OperatorDescriptor } from "../../engine/core/operator.ts";
import { noop } from "../../operators/noop/operator.ts";
import { noopFacts } from "../../operators/noop/params.ts";

/**
 * A no-op that is launched as work is: its intent is durable before it is called, its end before anything follows. The
 * product's own `noop` asks nobody and is decided with its intent (ADR 20).
 */
export const launched = (type: string, submit: AnyOperator["submit"]): OperatorDescriptor => {
  const { params, summary } = noopFacts;
  const facts = { type, summary, params, launch: { kind: "in_process" }, fileFields: [] } as const;
  return { ...facts, load: async () => ({ ...noop, ...facts, submit }) };
};

export const LAUNCHED = launched("bench.launched", async () => ({ kind: "done" }));
