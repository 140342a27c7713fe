import type { LoadedDag } from "../../core/dag.ts";
import type { DagFile, ReadFile } from "../read.ts";

/** What reading one file gave, without what is at hand when it is asked for again: its text and other files' bytes. */
export interface CacheEntry {
  readonly textHash: string;
  /** Every other file that was looked at, with the hash of what it held; null: it was not there. */
  readonly looked: readonly (readonly [path: string, hash: string | null])[];
  readonly read: Omit<ReadFile, "dags" | "file">;
  readonly dags: readonly (Pick<LoadedDag, "spec" | "versionHash"> & { readonly files: readonly FileOfDag[] })[];
}

type FileOfDag = Pick<LoadedDag["files"][number], "path" | "sha256">;

export function entryOf(
  { dags, file: _, ...read }: ReadFile,
  textHash: string,
  looked: ReadonlyMap<string, string | null>,
): CacheEntry {
  return {
    textHash,
    looked: [...looked],
    read,
    dags: dags.map(({ spec, versionHash, files }) => ({
      spec,
      versionHash,
      files: files.map(({ path, sha256 }) => ({ path, sha256 })),
    })),
  };
}

/** What `readOne` would answer. Throws when a file of the DAG is not there: then the entry does not hold. */
export function readOf({ read, dags }: CacheEntry, { file, text, readProjectFile }: DagFile): ReadFile {
  const bytesOf = (path: string): Uint8Array => {
    const bytes = readProjectFile(path);
    if (bytes === null) throw new Error(`${path} was there a moment ago`);
    return bytes;
  };
  return {
    ...read,
    file,
    dags: dags.map(({ files, ...dag }) => ({
      ...dag,
      source: { file, text },
      files: files.map((each) => ({ ...each, bytes: bytesOf(each.path) })),
    })),
  };
}

/** Whether JSON gives it back as it is. Of YAML's numbers it cannot say all: infinite ones, none, and minus zero. */
export function survivesJson(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== "object" || value === null)
    return typeof value === "string" || typeof value === "boolean" || value === null;
  if (value instanceof Uint8Array) return true;
  if (Array.isArray(value)) return value.every(survivesJson);
  return Object.values(value).every((each) => each === undefined || survivesJson(each));
}
