import { decided } from "../../engine/core/decided-operator.ts";
import { branchFacts } from "./params.ts";

export const branch = decided(branchFacts);
