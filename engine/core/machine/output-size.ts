import type { Json } from "../json.ts";

/** What a task may hand to those after it (engine.md, Flow). */
export const MAX_OUTPUT_BYTES = 64 * 1024;

/** How many bytes too large an output is to be kept; null: it fits. */
export function outputTooLarge(output: Json): number | null {
  const text = JSON.stringify(output);
  // A character has at most three bytes for each of its two halves.
  if (text.length * 3 <= MAX_OUTPUT_BYTES) return null;
  const bytes = new TextEncoder().encode(text).length;
  return bytes > MAX_OUTPUT_BYTES ? bytes : null;
}
