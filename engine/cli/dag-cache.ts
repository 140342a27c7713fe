import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { fillCache } from "./fill-dag-cache.ts";
import { readingProgram } from "../dagfile/cache/program.ts";
import { CachedReader } from "../dagfile/cache/read-cache.ts";
import type { ReadAhead, ReadDagFile } from "../dagfile/read.ts";
import { packageRoot } from "../local/package-root.ts";

/**
 * What reads DAG files by way of the home's cache of earlier reads. Nothing: there is no home yet, and a command that only
 * looks at files makes none.
 */
export function cachedReading(home: string): { readonly readFile?: ReadDagFile; readonly readAhead?: ReadAhead } {
  if (!existsSync(home)) return {};
  const program = readingProgram();
  if (program === null) return {};
  const cache = { folder: join(home, "cache", "dags"), program };
  const reader = new CachedReader(cache);
  const thread = pathToFileURL(join(packageRoot(), "dist/engine/read-thread.js"));
  return { readFile: (given, root) => reader.read(given, root), readAhead: fillCache(cache, thread) };
}
