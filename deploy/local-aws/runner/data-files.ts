import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Location } from "./job-arguments.ts";

export interface DataFile {
  readonly path: string;
  /** As people know it. */
  readonly uri: string;
  readonly size: number;
  /** The value of the partition's folder, when the input is partitioned. */
  readonly partition: string | null;
}

/** The files of an input, in key order; markers (_SUCCESS) and hidden files are none. A missing prefix holds no files. */
export async function dataFiles(input: Location): Promise<DataFile[]> {
  const column = input.options.get("partition");
  if (column === undefined)
    return (await filesBelow(input.path, input.uri)).map((file) => ({ ...file, partition: null }));
  const from = input.options.get("from") ?? "";
  const to = input.options.get("to") ?? "\uffff";
  const prefix = `${column}=`;
  const values = (await entries(input.path))
    .filter((entry) => entry.startsWith(prefix))
    .map((entry) => entry.slice(prefix.length))
    .filter((value) => value >= from && value <= to);
  const found = values.map(async (value) => {
    const folder = `${prefix}${value}`;
    const files = await filesBelow(join(input.path, folder), `${input.uri}${folder}/`);
    return files.map((file) => ({ ...file, partition: value }));
  });
  return (await Promise.all(found)).flat();
}

async function filesBelow(path: string, uri: string): Promise<Omit<DataFile, "partition">[]> {
  const about = await stat(path).catch(ignoreMissing);
  if (about === null) return [];
  if (about.isFile()) return about.size === 0 ? [] : [{ path, uri, size: about.size }];
  const visible = (await entries(path)).filter((entry) => !/^[_.]/.test(entry));
  const base = uri.endsWith("/") ? uri : `${uri}/`;
  return (await Promise.all(visible.map((entry) => filesBelow(join(path, entry), `${base}${entry}`)))).flat();
}

async function entries(folder: string): Promise<string[]> {
  return ((await readdir(folder).catch(ignoreMissing)) ?? []).toSorted();
}

function ignoreMissing(error: NodeJS.ErrnoException): null {
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return null;
  throw error;
}
