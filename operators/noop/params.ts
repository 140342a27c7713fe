import { z } from "zod";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";

export const noopFacts = {
  type: "noop",
  summary: "Does nothing and succeeds: a point where branches of a DAG meet",
  params: z.strictObject({}),
  launch: { kind: "in_process" },
  decide: () => ({ kind: "done" }),
  fileFields: [],
} satisfies Omit<OperatorDescriptor, "load">;
