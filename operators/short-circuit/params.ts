import { z } from "zod";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";

export const shortCircuitFacts = {
  type: "short_circuit",
  summary: "Skips everything after it when its condition is false",
  params: z.strictObject({
    condition: z
      .union([z.boolean(), z.string(), z.number(), z.null()])
      .describe("false, 0, null, nothing, or one of the words false, no and off: what follows is skipped"),
    ignore_downstream_trigger_rules: z
      .boolean()
      .default(true)
      .describe("false: only the direct downstreams are skipped, and the others' trigger rules decide"),
  }),
  launch: { kind: "in_process" },
  isInstant: true,
  fileFields: [],
} satisfies Omit<OperatorDescriptor, "load">;

export type ShortCircuitParams = z.infer<typeof shortCircuitFacts.params>;
