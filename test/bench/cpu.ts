import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { Store } from "../../engine/store/open.ts";

/** CPU time in milliseconds since some moment of the past: the difference of two says what was used between them. */
export interface CpuTimes {
  readonly node: number;
  /** Of the server with all its processes; null: not to be seen from here (another machine, no /proc). */
  readonly postgres: number | null;
}

/** Linux counts in hundredths of a second, whatever the kernel's own tick. */
const TICK_MS = 10;

/** What this process and the server of `store` have used so far. */
export async function cpuTimes(store: Store): Promise<CpuTimes> {
  const { user, system } = process.cpuUsage();
  const { rows } = await store.pool.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  return { node: (user + system) / 1_000, postgres: familyMs(rows[0]?.pid ?? 0) };
}

/** The CPU that a process has used, and all that it has started, ended ones among them; in seconds. */
export function cpuOf(pid: number): number {
  const stat = statOf(pid);
  if (stat === null) return 0;
  const own = ((stat.own + stat.endedChildren) * TICK_MS) / 1_000;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
  return children.reduce((sum, child) => sum + cpuOf(Number(child)), own);
}

/** Milliseconds of CPU of the process above `pid` and all its children, those that have ended too. */
function familyMs(pid: number): number | null {
  if (!existsSync(`/proc/${pid}/stat`)) return null;
  const parent = statOf(pid)?.parent;
  const all = readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
  let ticks = 0;
  for (const each of all) {
    const stat = statOf(each);
    if (stat && each === parent) ticks += stat.own + stat.endedChildren;
    if (stat && stat.parent === parent) ticks += stat.own;
  }
  return ticks * TICK_MS;
}

function statOf(pid: number): { parent: number; own: number; endedChildren: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name stands in parentheses and may hold anything.
    const fields = text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    const [, parent = 0] = fields;
    const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15);
    return { parent, own: user + system, endedChildren: childUser + childSystem };
  } catch {
    // It has ended meanwhile.
    return null;
  }
}
