import { z } from "zod";
import { isTruthy } from "../../engine/core/condition.ts";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";

const params = z.strictObject({
  condition: z
    .union([z.boolean(), z.string(), z.number(), z.null()])
    .describe("false, 0, null, nothing, or one of the words false, no and off: what follows is skipped"),
  ignore_downstream_trigger_rules: z
    .boolean()
    .default(true)
    .describe("false: only the direct downstreams are skipped, and the others' trigger rules decide"),
});

type ShortCircuitParams = z.infer<typeof params>;

export const shortCircuitFacts = {
  type: "short_circuit",
  summary: "Skips everything after it when its condition is false",
  params,
  launch: { kind: "in_process" },
  decide: ({ condition, ignore_downstream_trigger_rules: ignoresRules }: ShortCircuitParams) => {
    const output = { condition: isTruthy(condition) };
    if (output.condition) return { kind: "done", output };
    return { kind: "done", output, leads: { stop: ignoresRules ? "all" : "direct" } };
  },
  fileFields: [],
} satisfies Omit<OperatorDescriptor, "load">;
