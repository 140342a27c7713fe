import type { Json } from "../json.ts";
import { isDeeper, MOST_LEVELS } from "../nesting.ts";

/** What a task may hand to those after it (engine.md, Flow). */
const MAX_OUTPUT_BYTES = 64 * 1024;

/** Why an output cannot be kept; null: it can. */
export function outputMistake(output: Json): string | null {
  if (isDeeper(output, MOST_LEVELS)) return `is nested more than ${MOST_LEVELS} levels deep`;
  const text = JSON.stringify(output);
  // A character has at most three bytes for each of its two halves.
  if (text.length * 3 <= MAX_OUTPUT_BYTES) return null;
  const bytes = new TextEncoder().encode(text).length;
  return bytes > MAX_OUTPUT_BYTES ? `has ${bytes} bytes; at most ${MAX_OUTPUT_BYTES} are kept` : null;
}
