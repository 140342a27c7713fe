import { z } from "zod";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";

const name = z.string().max(500);

export const branchFacts = {
  type: "branch",
  summary: "Chooses which of its direct downstreams run; the others are skipped",
  params: z.strictObject({
    choose: z
      .union([name, z.array(name).max(1_000), z.null()])
      .describe("ids of direct downstreams or of groups: one, a list, or a text with commas; empty: none"),
  }),
  launch: { kind: "in_process" },
  isInstant: true,
  fileFields: [],
} satisfies Omit<OperatorDescriptor, "load">;

export type BranchParams = z.infer<typeof branchFacts.params>;
