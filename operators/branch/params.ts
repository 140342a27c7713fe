import { z } from "zod";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";

const name = z.string().max(500);

const params = z.strictObject({
  choose: z
    .union([name, z.array(name).max(1_000), z.null()])
    .describe("ids of direct downstreams or of groups: one, a list, or a text with commas; empty: none"),
});

type BranchParams = z.infer<typeof params>;

export const branchFacts = {
  type: "branch",
  summary: "Chooses which of its direct downstreams run; the others are skipped",
  params,
  launch: { kind: "in_process" },
  // The engine knows the graph: it refuses what is no direct downstream with BRANCH_INVALID.
  decide: ({ choose }: BranchParams) => {
    const chosen = chosenIds(choose);
    return { kind: "done", output: { chosen }, leads: { chosen } };
  },
  fileFields: [],
} satisfies Omit<OperatorDescriptor, "load">;

/** The words for nothing that templates render to where they choose none. */
const NONE = ["", "none", "null"];

function chosenIds(choose: BranchParams["choose"]): string[] {
  const names = typeof choose === "string" ? choose.replace(/^\s*\[(.*)\]\s*$/s, "$1").split(",") : (choose ?? []);
  const ids = names.map((name) => name.trim().replace(/^(["'])(.*)\1$/s, "$2"));
  return [...new Set(ids)].filter((id) => !NONE.includes(id.toLowerCase()));
}
