import { decided } from "../decided.ts";
import { shortCircuitFacts } from "./params.ts";

export const shortCircuit = decided(shortCircuitFacts);
