import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { ReadAhead } from "../dagfile/read.ts";
import { hasEntry, type ReadCache } from "../dagfile/cache/read-cache.ts";

/** A thread has the operators' schemas to load before it reads its first file: for fewer files that takes longer than they do. */
const WORTH_A_THREAD = 100;
/** Each has some tens of megabytes of its own. */
const MOST_THREADS = 8;

/** What a thread reads into the cache of this folder. */
export interface Share {
  readonly folder: string;
  /** As shown: from the root. */
  readonly files: readonly string[];
  readonly root: string;
  readonly environment: string | null;
}

/**
 * Many files that the cache does not know are read by all cores at once, in threads that leave what they found there: who
 * asks for it then finds it read. A thread that fails leaves its files to whoever asks, so that nothing depends on it.
 * `program`: what each thread runs (engine/read-thread.ts).
 */
export const fillCache =
  (cache: ReadCache, program: URL): ReadAhead =>
  async (files, root, environment) => {
    if (files.length < 2 * WORTH_A_THREAD) return;
    const missing = files.filter((file) => !hasEntry(cache, { file, environment }, root));
    const threads = Math.min(availableParallelism(), MOST_THREADS, Math.floor(missing.length / WORTH_A_THREAD));
    if (threads < 2) return;
    const shares = Array.from({ length: threads }, (_, thread): Share => {
      const share = missing.filter((_, index) => index % threads === thread);
      return { folder: cache.folder, files: share, root, environment };
    });
    await Promise.all(shares.map((share) => run(program, share)));
  };

/** Resolves whatever becomes of it; where there is no room for a thread, making one throws. */
async function run(program: URL, workerData: Share): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const thread = new Worker(program, { workerData });
    thread.once("error", reject);
    thread.once("exit", () => resolve());
  }).catch(() => undefined);
}
