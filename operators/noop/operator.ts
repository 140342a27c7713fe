import { decided } from "../decided.ts";
import { noopFacts } from "./params.ts";

export const noop = decided(noopFacts);
