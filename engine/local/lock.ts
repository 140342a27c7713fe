import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { processIdentity } from "./processes.ts";

/** A lock that is held until `release`, or until the process that took it is gone. */
export interface Lock {
  release(): Promise<void>;
}

interface Holder {
  readonly pid: number;
  readonly identity: string | null;
}

/** Takes the lock file at `path`, or answers the pid of the living process that holds it. */
export async function tryLock(path: string): Promise<Lock | { readonly heldBy: number }> {
  await mkdir(dirname(path), { recursive: true });
  const own = `${path}.${randomBytes(6).toString("hex")}`;
  const mine: Holder = { pid: process.pid, identity: await processIdentity(process.pid) };
  await writeFile(own, `${JSON.stringify(mine)}\n`, { flag: "wx" });
  try {
    for (;;) {
      try {
        // A link is made whole or not at all: nobody reads a half-written lock.
        await link(own, path);
        return { release: () => rm(path, { force: true }) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      const text = await readFile(path, "utf8").catch(() => null);
      if (text === null) continue;
      const holder = parseHolder(text);
      if (holder !== null && (await isHolding(holder))) return { heldBy: holder.pid };
      await removeStale(path, text, `${own}.stale`);
    }
  } finally {
    await rm(own, { force: true });
  }
}

/** Runs `action` while holding the lock; waits for whoever holds it as long as that process lives. */
export async function withLock<T>(path: string, action: () => Promise<T>): Promise<T> {
  for (;;) {
    const lock = await tryLock(path);
    if ("release" in lock) {
      try {
        return await action();
      } finally {
        await lock.release();
      }
    }
    await delay(20);
  }
}

async function isHolding(holder: Holder): Promise<boolean> {
  const identity = await processIdentity(holder.pid);
  return identity !== null && identity === holder.identity;
}

/** Another process may have replaced the stale lock meanwhile: what was taken away by mistake is put back. */
async function removeStale(path: string, seen: string, aside: string): Promise<void> {
  await rename(path, aside).catch(() => undefined);
  const taken = await readFile(aside, "utf8").catch(() => null);
  if (taken !== null && taken !== seen) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

function parseHolder(text: string): Holder | null {
  try {
    const value = JSON.parse(text) as Partial<Holder>;
    return typeof value.pid === "number" ? { pid: value.pid, identity: value.identity ?? null } : null;
  } catch {
    return null;
  }
}
