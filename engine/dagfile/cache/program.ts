import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { sha256 } from "../sha256.ts";

/**
 * What tells this program from every other that reads DAG files, even from another build of the same version: the bytes of
 * the file that this code stands in. Built, that file holds all that reads DAG files and names the others by their content.
 * null: the sources run as they are, and nothing short of reading them all would tell.
 */
export function readingProgram(moduleUrl: string = import.meta.url): string | null {
  const path = fileURLToPath(moduleUrl);
  if (path.endsWith(".ts")) return null;
  // The zones' rules and the parsing of dates are Node's.
  const { node, tz, icu } = process.versions;
  return JSON.stringify([sha256(readFileSync(path)), node, tz, icu]);
}
