import { decided } from "../../engine/core/decided-operator.ts";
import { noopFacts } from "./params.ts";

export const noop = decided(noopFacts);
