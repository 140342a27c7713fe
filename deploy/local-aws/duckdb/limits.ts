import { mkdir, readdir, rm } from "node:fs/promises";
import { totalmem } from "node:os";
import { join } from "node:path";

/** A part of the memory that this machine, or its container, has: as DuckDB's memory_limit takes it. */
export function memoryPart(part: number): string {
  const bytes = Math.min(totalmem(), process.constrainedMemory() || Infinity);
  return `${Math.floor((bytes * part) / 2 ** 20)}MiB`;
}

let made = 0;

/**
 * A folder below `parent` in which one DuckDB may lay what does not fit into its memory; DuckDB makes it when it needs it.
 * Two must not share one: they name their files alike, and the first that closes takes the other's away. What processes
 * that were killed left behind is removed.
 */
export async function spillFolder(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true });
  const left = (await readdir(parent)).filter((entry) => {
    const pid = /^spilled-(\d+)-/.exec(entry)?.[1];
    return pid !== undefined && !isAlive(Number(pid));
  });
  const own = join(parent, `spilled-${process.pid}-${++made}`);
  // Another process may have had this id.
  for (const folder of [...left.map((entry) => join(parent, entry)), own]) {
    await rm(folder, { recursive: true, force: true });
  }
  return own;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
