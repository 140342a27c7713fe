import type { Leads } from "../operator.ts";
import type { DagGraph } from "./dag-graph.ts";

type Graph = Pick<DagGraph, "downstream" | "isTeardown"> & { readonly tasks: readonly { readonly taskId: string }[] };

/**
 * The tasks that are skipped because the success of `from` leads elsewhere. After a choice: its direct downstreams that were
 * not chosen, but for those that a chosen one leads to. After a stop: everything that follows, or its direct downstreams
 * alone, whose trigger rules then decide about the rest. Never a teardown. Source: Airflow's branching and short circuit.
 */
export function leftOut(graph: Graph, from: number, leads: Leads): number[] {
  const direct = graph.downstream[from] ?? [];
  const isWork = (position: number): boolean => !graph.isTeardown[position];
  if ("stop" in leads) {
    return (leads.stop === "direct" ? [...direct] : [...reachable(graph, direct)]).filter(isWork);
  }
  const chosen = direct.filter((position) => leads.chosen.includes(graph.tasks[position]?.taskId ?? ""));
  const kept = reachable(graph, chosen);
  return direct.filter((position) => !kept.has(position) && isWork(position));
}

/** `from` and everything downstream of it. */
function reachable({ downstream }: Graph, from: readonly number[]): ReadonlySet<number> {
  const found = new Set<number>();
  const open = [...from];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    open.push(...(downstream[next] ?? []));
  }
  return found;
}
