import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

const hasProc = existsSync("/proc/self/stat");

/**
 * What tells a process from a later one with the same pid: its start time. null: no such process, or only its zombie.
 * Without /proc it is the word "alive", and a reused pid is not noticed.
 */
export async function processIdentity(pid: number): Promise<string | null> {
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  if (!hasProc) return isSignalable(pid) ? "alive" : null;
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  if (stat === null) return null;
  // "pid (name) state ppid …": the name may hold spaces and parentheses, so count from the last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? null : (fields[19] ?? null);
}

/** The command line of a living process, arguments parted by spaces; "" when there is none. */
export async function commandLine(pid: number): Promise<string> {
  if (hasProc) {
    const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    return text.replaceAll("\0", " ").trim();
  }
  if (!isSignalable(pid)) return "";
  const answer = await promisify(execFile)("ps", ["-o", "command=", "-p", String(pid)]).catch(() => ({ stdout: "" }));
  return answer.stdout.trim();
}

function isSignalable(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
