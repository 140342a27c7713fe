import type { TaskSpec } from "./dag.ts";
import type { DagGraph } from "./graph/dag-graph.ts";

const MOST = 2 ** 31 - 1;
const LEAST = -(2 ** 31);

/**
 * How urgent each task is, by position, after its weight rule: its own priority, and with `downstream` those of all its
 * descendants, with `upstream` those of all its ancestors. Held within 32 bits, as Airflow does. Computed once for a version.
 */
export function priorityWeights(
  tasks: readonly Pick<TaskSpec, "priority" | "weightRule">[],
  { upstream, downstream, order }: Pick<DagGraph, "upstream" | "downstream" | "order">,
): number[] {
  const priorities = tasks.map(({ priority }) => priority);
  const sums = {
    downstream: () => reachableSums(priorities, downstream, [...order].reverse()),
    upstream: () => reachableSums(priorities, upstream, order),
    absolute: () => priorities.map(() => 0),
  };
  const needed = new Map([...new Set(tasks.map(({ weightRule }) => weightRule))].map((rule) => [rule, sums[rule]()]));
  return tasks.map(({ priority, weightRule }, position) => {
    const weight = priority + (needed.get(weightRule)?.[position] ?? 0);
    return Math.max(LEAST, Math.min(MOST, weight));
  });
}

/**
 * For each task the sum over all that can be reached from it; each counts once, however many ways lead there. Sets are bits:
 * 3,000 tasks take a megabyte for a moment. `order` has every task after those it leads to.
 */
function reachableSums(
  priorities: readonly number[],
  next: readonly (readonly number[])[],
  order: readonly number[],
): number[] {
  const words = Math.ceil(priorities.length / 32);
  const reached = priorities.map(() => new Uint32Array(0));
  const sums = priorities.map(() => 0);
  for (const position of order) {
    const set = new Uint32Array(words);
    for (const to of next[position] ?? []) {
      const theirs = reached[to];
      for (let word = 0; word < words; word++) set[word] = (set[word] ?? 0) | (theirs?.[word] ?? 0);
      set[to >> 5] = (set[to >> 5] ?? 0) | (1 << (to & 31));
    }
    reached[position] = set;
    sums[position] = sumOf(set, priorities);
  }
  return sums;
}

function sumOf(set: Uint32Array, priorities: readonly number[]): number {
  let sum = 0;
  set.forEach((bits, word) => {
    for (let left = bits; left !== 0; left &= left - 1)
      sum += priorities[word * 32 + 31 - Math.clz32(left & -left)] ?? 0;
  });
  return sum;
}
