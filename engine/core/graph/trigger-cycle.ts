import type { DagSpec } from "../dag.ts";

/** The operator by which a DAG makes runs of another. */
const TRIGGER = "dag.trigger";

/**
 * The ids of DAGs that trigger one another in a circle, the first again at the end; null: there is none. Of what a template
 * names nothing is known before it is rendered: there the depth of runs is the limit.
 */
export function triggerCycle(specs: readonly Pick<DagSpec, "dagId" | "tasks">[]): readonly string[] | null {
  const triggered = new Map(specs.map((spec) => [spec.dagId, targetsOf(spec)]));
  const done = new Set<string>();
  for (const start of triggered.keys()) {
    // Depth first, with the way so far: a long chain must not fill the stack.
    const way: { readonly dagId: string; readonly open: string[] }[] = [];
    const enter = (dagId: string): void => void way.push({ dagId, open: [...(triggered.get(dagId) ?? [])] });
    if (!done.has(start)) enter(start);
    for (let last = way.at(-1); last; last = way.at(-1)) {
      const next = last.open.pop();
      if (next === undefined) {
        done.add(last.dagId);
        way.pop();
        continue;
      }
      const at = way.findIndex(({ dagId }) => dagId === next);
      if (at >= 0) return [...way.slice(at).map(({ dagId }) => dagId), next];
      if (triggered.has(next) && !done.has(next)) enter(next);
    }
  }
  return null;
}

const targetsOf = ({ tasks }: Pick<DagSpec, "tasks">): string[] =>
  tasks.flatMap((task) =>
    task.operator === TRIGGER && typeof task.with["dag"] === "string" ? [task.with["dag"]] : [],
  );
