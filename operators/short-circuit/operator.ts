import { decided } from "../../engine/core/decided-operator.ts";
import { shortCircuitFacts } from "./params.ts";

export const shortCircuit = decided(shortCircuitFacts);
