import type { TaskSpec } from "../dag.ts";

/** The edges of a task: what it waits for. A teardown waits for its setups too. */
type Edges = Pick<TaskSpec, "taskId" | "dependsOn" | "teardownOf">;

/** Which tasks wait for which, asked one pair at a time: an answer walks no further than it must. Also of a graph with cycles. */
export class Ancestry {
  private readonly upstreams: ReadonlyMap<string, readonly string[]>;
  /** How many tasks are before each on the longest way to it; of those in or behind a cycle nothing is said. */
  private readonly depths: ReadonlyMap<string, number>;

  constructor(tasks: readonly Edges[]) {
    this.upstreams = new Map(
      tasks.map(({ taskId, dependsOn, teardownOf }) => [taskId, [...new Set([...dependsOn, ...teardownOf])]]),
    );
    this.depths = depthsOf(this.upstreams);
  }

  get hasCycle(): boolean {
    return this.depths.size < this.upstreams.size;
  }

  /** Whether `of` waits for `ancestor`, directly or not. */
  isAncestor(ancestor: string, of: string): boolean {
    const upstreams = (taskId: string): readonly string[] => this.upstreams.get(taskId) ?? [];
    if (!this.upstreams.has(ancestor)) return false;
    if (upstreams(of).includes(ancestor)) return true;
    const depth = this.depths.get(ancestor) ?? -1;
    const seen = new Set<string>();
    const open = [of];
    for (let taskId = open.pop(); taskId !== undefined; taskId = open.pop()) {
      for (const next of upstreams(taskId)) {
        if (next === ancestor) return true;
        // Whatever is no deeper than it cannot wait for it.
        if (seen.has(next) || (this.depths.get(next) ?? Infinity) <= depth) continue;
        seen.add(next);
        open.push(next);
      }
    }
    return false;
  }
}

function depthsOf(upstreams: ReadonlyMap<string, readonly string[]>): Map<string, number> {
  const downstreams = new Map([...upstreams.keys()].map((taskId) => [taskId, new Array<string>()]));
  const missing = new Map<string, number>();
  for (const [taskId, ups] of upstreams) {
    const known = ups.filter((each) => upstreams.has(each));
    missing.set(taskId, known.length);
    for (const up of known) downstreams.get(up)?.push(taskId);
  }
  const depths = new Map<string, number>();
  let free = [...missing].filter(([, count]) => count === 0).map(([taskId]) => taskId);
  for (let depth = 0; free.length > 0; depth++) {
    const next: string[] = [];
    for (const taskId of free) {
      depths.set(taskId, depth);
      for (const down of downstreams.get(taskId) ?? []) {
        const left = (missing.get(down) ?? 0) - 1;
        missing.set(down, left);
        if (left === 0) next.push(down);
      }
    }
    free = next;
  }
  return depths;
}
