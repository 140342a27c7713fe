import { decided } from "../decided.ts";
import { branchFacts } from "./params.ts";

export const branch = decided(branchFacts);
