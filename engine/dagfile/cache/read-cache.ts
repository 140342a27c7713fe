import { randomUUID } from "node:crypto";
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { sha256 } from "../sha256.ts";
import { hashOf, type ReadProjectFile } from "../project-files.ts";
import { readOne, type DagFile, type ReadFile } from "../read.ts";
import { entryOf, readOf, survivesJson, type CacheEntry } from "./cache-entry.ts";

/** Where reads are kept, and what tells this program from every other that keeps some there. */
export interface ReadCache {
  readonly folder: string;
  /** Equal only for programs that read every file alike. */
  readonly program: string;
}

/** One file has one entry in each environment: a newer read replaces it. */
const slotOf = (
  { folder }: ReadCache,
  { file, environment = null }: Pick<DagFile, "file" | "environment">,
  root: string,
): string => join(folder, sha256(JSON.stringify([root, file, environment])));

/** Whether this program has read the file before, however it stood then. */
export const hasEntry = (cache: ReadCache, given: Pick<DagFile, "file" | "environment">, root: string): boolean =>
  attempt(() => {
    const mark = markOf(cache);
    const head = Buffer.alloc(mark.length);
    const slot = openSync(slotOf(cache, given, root), "r");
    try {
      readSync(slot, head);
    } finally {
      closeSync(slot);
    }
    return head.toString() === mark;
  }) ?? false;

/** What each entry of this program begins with. */
const markOf = ({ program }: ReadCache): string => sha256(program);

/** Entries of files that are gone, or of other folders, go after so long; a file that is still there is read anew once. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1_000;

/**
 * Reads DAG files as `readOne` does, and keeps what it found: while a file, every other file that was looked at for it, the
 * environment and the program stay the same, it is not parsed again. Whatever cannot be read or written there is as if it
 * had never been kept: the worst that a cache can do is to be slow.
 */
export class CachedReader {
  private readonly cache: ReadCache;
  private isTidy = false;

  constructor(cache: ReadCache) {
    this.cache = cache;
  }

  read(given: DagFile, root: string): ReadFile {
    const slot = slotOf(this.cache, given, root);
    const textHash = sha256(given.text);
    const known = this.find(slot, textHash, given);
    if (known !== null) return readOf(known, given);
    const looked = new Map<string, string | null>();
    const read = readOne({ ...given, readProjectFile: noting(given.readProjectFile, looked) });
    if (survivesJson(read)) this.keep(slot, entryOf(read, textHash, looked));
    return read;
  }

  /** Forgets entries that nobody has renewed for long. */
  private tidy(now: number): void {
    if (this.isTidy) return;
    this.isTidy = true;
    for (const name of readdirSync(this.cache.folder)) {
      const path = join(this.cache.folder, name);
      if (now - statSync(path).mtimeMs > KEPT_MS) rmSync(path, { force: true });
    }
  }

  private find(slot: string, textHash: string, given: DagFile): CacheEntry | null {
    return attempt(() => {
      const bytes = readFileSync(slot);
      const end = bytes.indexOf("\n");
      const text = bytes.subarray(end + 1);
      if (end < 0 || bytes.subarray(0, end).toString() !== this.seal(text)) return null;
      const entry = JSON.parse(text.toString()) as CacheEntry;
      return entry.textHash === textHash && isAsBefore(entry, given.readProjectFile) ? entry : null;
    });
  }

  /** Made aside and moved there whole: who reads it meanwhile has the old one or the new one. */
  private keep(slot: string, entry: CacheEntry): void {
    const aside = `${slot}.${randomUUID()}`;
    attempt(() => {
      mkdirSync(this.cache.folder, { recursive: true });
      const text = JSON.stringify(entry);
      writeFileSync(aside, `${this.seal(text)}\n${text}`);
      renameSync(aside, slot);
      this.tidy(Date.now());
    });
  }

  /** Another program's entry, or a damaged one, has another. */
  private seal(text: string | Uint8Array): string {
    return `${markOf(this.cache)} ${sha256(text)}`;
  }
}

const isAsBefore = ({ looked }: CacheEntry, read: ReadProjectFile): boolean =>
  looked.every(([path, hash]) => {
    const bytes = read(path);
    return (bytes === null ? null : hashOf(bytes)) === hash;
  });

/** Reads and writes down what it looked at, also what was not there. */
const noting =
  (read: ReadProjectFile, looked: Map<string, string | null>): ReadProjectFile =>
  (path) => {
    const bytes = read(path);
    looked.set(path, bytes === null ? null : hashOf(bytes));
    return bytes;
  };

function attempt<T>(action: () => T): T | null {
  try {
    return action();
  } catch {
    return null;
  }
}
