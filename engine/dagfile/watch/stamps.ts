import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** The .yaml and .yml files of a folder, sorted; null when it cannot be listed. */
export async function dagFilesOf(folder: string): Promise<string[] | null> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => null);
  if (entries === null) return null;
  const files = entries.filter((each) => !each.isDirectory() && /\.ya?ml$/.test(each.name));
  return files.map(({ name }) => join(folder, name)).sort();
}

/**
 * What a file looks like without reading it: "-" when it is not there. ctime too: a file copied over with its old times is
 * another one.
 */
export async function stampOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => null);
  return found === null ? "-" : `${found.ino}.${found.size}.${found.mtimeMs}.${found.ctimeMs}`;
}
