import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rm, rmdir, stat, writeFile } from "node:fs/promises";
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

const GUARD_MS = 5_000;

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
      await removeStale(path, text);
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

/** Whether a living process holds the lock file at `path`. */
export async function isHeld(path: string): Promise<boolean> {
  const holder = parseHolder(await readFile(path, "utf8").catch(() => ""));
  return holder !== null && isHolding(holder);
}

async function isHolding(holder: Holder): Promise<boolean> {
  const identity = await processIdentity(holder.pid);
  return identity !== null && identity === holder.identity;
}

/**
 * Removals go one at a time, each after another look: two processes that saw the same stale lock would else remove the
 * second one's fresh lock. A guard older than a moment belongs to a process that died with it in hand.
 */
async function removeStale(path: string, seen: string): Promise<void> {
  const guard = `${path}.takeover`;
  try {
    await mkdir(guard);
  } catch {
    const made = await stat(guard).catch(() => null);
    if (made !== null && Date.now() - made.mtimeMs > GUARD_MS) await rmdir(guard).catch(() => undefined);
    await delay(5);
    return;
  }
  try {
    if ((await readFile(path, "utf8").catch(() => null)) === seen) await rm(path, { force: true });
  } finally {
    await rmdir(guard).catch(() => undefined);
  }
}

function parseHolder(text: string): Holder | null {
  try {
    const value = JSON.parse(text) as Partial<Holder>;
    return typeof value.pid === "number" ? { pid: value.pid, identity: value.identity ?? null } : null;
  } catch {
    return null;
  }
}
