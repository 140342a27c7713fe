import { readFileSync, realpathSync } from "node:fs";
import { isAbsolute, join, relative } from "node:path";
import type { ReadProjectFile } from "./project-files.ts";

/**
 * Reads files below `root`; null for one that is missing, is a folder or lies outside, by link or by "..". Each is read
 * once: DAGs share their files, and those read together see one state of them. Whoever looks again takes a new reader.
 */
export function projectReader(root: string): ReadProjectFile {
  const known = new Map<string, Uint8Array | null>();
  return (path) => {
    const before = known.get(path);
    if (before !== undefined) return before;
    const bytes = readInside(root, path);
    known.set(path, bytes);
    return bytes;
  };
}

function readInside(root: string, path: string): Uint8Array | null {
  try {
    const real = realpathSync(join(root, path));
    const inside = relative(realpathSync(root), real);
    return isAbsolute(path) || inside.startsWith("..") || isAbsolute(inside) ? null : readFileSync(real);
  } catch {
    return null;
  }
}
