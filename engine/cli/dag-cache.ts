import { existsSync } from "node:fs";
import { join } from "node:path";
import { readingProgram } from "../dagfile/cache/program.ts";
import { CachedReader } from "../dagfile/cache/read-cache.ts";
import type { ReadDagFile } from "../dagfile/read.ts";

/**
 * What reads DAG files by way of the home's cache of earlier reads. undefined: there is no home yet, and a command that only
 * looks at files makes none.
 */
export function cachedReading(home: string): ReadDagFile | undefined {
  if (!existsSync(home)) return undefined;
  const program = readingProgram();
  if (program === null) return undefined;
  const reader = new CachedReader({ folder: join(home, "cache", "dags"), program });
  return (given, root) => reader.read(given, root);
}
