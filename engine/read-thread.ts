import { readFileSync } from "node:fs";
import { join } from "node:path";
import { workerData } from "node:worker_threads";
import { operatorDescriptors as operators } from "../operators/index.ts";
import type { Share } from "./cli/fill-dag-cache.ts";
import { readingProgram } from "./dagfile/cache/program.ts";
import { CachedReader } from "./dagfile/cache/read-cache.ts";
import { projectReader } from "./dagfile/project-reader.ts";

/** A thread's whole program: reads its share of the files, so that the cache has them. */
const { folder, files, root, environment } = workerData as Share;
// Its own, and not that of who started it: another build may have taken its place meanwhile.
const program = readingProgram();
const readProjectFile = projectReader(root);

if (program !== null) {
  const reader = new CachedReader({ folder, program });
  for (const file of files) {
    try {
      const text = readFileSync(join(root, file), "utf8");
      reader.read({ file, text, operators, readProjectFile, environment }, root);
    } catch {
      // Whoever asks for it reads it, and says what is wrong.
    }
  }
}
