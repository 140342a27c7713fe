import { readFileSync } from "node:fs";

/** The CPU that a process has used, and all that it has started, ended ones among them; in seconds. */
export function cpuOf(pid: number): number {
  // Behind the name, which may hold anything: from the twelfth on utime, stime, and those of children that have ended.
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "");
  const hundredths = stat.split(" ").slice(11, 15).map(Number);
  const own = hundredths.reduce((sum, each) => sum + each / 100, 0);
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
  return children.reduce((sum, child) => sum + cpuOf(Number(child)), own);
}
