import type { Operator } from "../../engine/core/operator.ts";
import { branchFacts, type BranchParams } from "./params.ts";

interface Chosen {
  readonly chosen: readonly string[];
}

/** The engine knows the graph: it refuses what is no direct downstream with BRANCH_INVALID. */
export const branch: Operator<BranchParams, null, Chosen> = {
  ...branchFacts,
  batchSize: 1,
  submit: async ({ choose }) => {
    const chosen = chosenIds(choose);
    return { kind: "done", output: { chosen }, leads: { chosen } };
  },
  // There is never anything to look at: submit is already done.
  observe: async (jobs) => jobs.map(() => ({ kind: "unseen" })),
  cancel: async () => undefined,
};

/** The words for nothing that templates render to where they choose none. */
const NONE = ["", "none", "null"];

function chosenIds(choose: BranchParams["choose"]): string[] {
  const names = typeof choose === "string" ? choose.replace(/^\s*\[(.*)\]\s*$/s, "$1").split(",") : (choose ?? []);
  const ids = names.map((name) => name.trim().replace(/^(["'])(.*)\1$/s, "$2"));
  return [...new Set(ids)].filter((id) => !NONE.includes(id.toLowerCase()));
}
