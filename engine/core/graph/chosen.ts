import { nearest } from "../similar.ts";
import type { DagGraph } from "./dag-graph.ts";

interface Graph extends Pick<DagGraph, "downstream"> {
  readonly tasks: readonly { readonly taskId: string; readonly groupId: string | null }[];
}

/**
 * The direct downstreams of `from` that a branch chose, by their ids or by those of groups they are in; or which id is
 * neither, in words that name the choices.
 */
export function chosenTasks(
  { downstream, tasks }: Graph,
  from: number,
  chosen: readonly string[],
): { readonly chosen: readonly string[] } | { readonly mistake: string } {
  const direct = (downstream[from] ?? []).flatMap((position) => tasks[position] ?? []);
  const found = new Set<string>();
  for (const id of chosen) {
    const meant = direct.filter(({ taskId, groupId }) => taskId === id || isWithin(groupId, id));
    if (meant.length === 0) return { mistake: mistakeText(id, [...choicesOf(direct)]) };
    for (const { taskId } of meant) found.add(taskId);
  }
  return { chosen: [...found] };
}

/** Groups lie within one another: "warehouse.load" is within "warehouse". */
const isWithin = (groupId: string | null, id: string): boolean =>
  groupId === id || groupId?.startsWith(`${id}.`) === true;

function choicesOf(direct: readonly { readonly taskId: string; readonly groupId: string | null }[]): Set<string> {
  return new Set(direct.flatMap(({ taskId, groupId }) => (groupId === null ? [taskId] : [taskId, groupId])));
}

function mistakeText(id: string, choices: readonly string[]): string {
  const near = nearest(id, choices);
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  const of = choices.length === 0 ? "there is none" : choices.join(", ");
  return `${id} is no direct downstream of this task (${of})${hint}`;
}
