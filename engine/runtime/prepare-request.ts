import type { TaskSpec } from "../core/dag.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { specAt, type ActiveRun, type Node } from "../core/machine/active-run.ts";
import type { Mapped } from "../core/machine/mapped.ts";
import { isFinished } from "../core/states.ts";
import type { PrepareRequest } from "./deps.ts";

/** What rendering the task at `place` is given. */
export function prepareRequest(
  active: ActiveRun,
  place: number,
  { task, taskAt }: Node,
  vars: JsonObject,
): PrepareRequest {
  const item = active.mapped.get(taskAt)?.expansion?.items[task.mapIndex] ?? null;
  return {
    spec: active.dag.version.spec,
    run: active.run,
    task: specAt(active, place),
    tryNumber: task.tryNumber + 1,
    outputs: readsOutputs(specAt(active, place)) ? outputsFor(active, taskAt) : {},
    vars,
    prevSuccess: active.prevSuccess ?? null,
    mapped: task.mapIndex < 0 ? null : { item, mapIndex: task.mapIndex },
  };
}

/** Whether a template of the task may name `tasks`: a thousand tasks side by side need not each gather what all gave. */
function readsOutputs(task: TaskSpec): boolean {
  const known = readers.get(task);
  if (known !== undefined) return known;
  const reads = JSON.stringify([task.with, task.when, task.forEach]).includes("tasks");
  readers.set(task, reads);
  return reads;
}

const readers = new WeakMap<TaskSpec, boolean>();

/** Outputs by task id; of a mapped task that has ended a list, in the order of its items, null where one has none. */
function outputsFor({ dag, mapped, outputs, nodes }: ActiveRun, taskAt: number): Record<string, Json> {
  const named: [string, Json][] = [];
  for (const [place, output] of outputs) {
    const taskId = dag.tasks[place]?.taskId;
    if (taskId !== undefined && hasGiven(nodes[place])) named.push([taskId, output]);
  }
  for (const [at, instances] of mapped) {
    const { state } = nodes[at]?.task ?? {};
    if (at === taskAt || state === undefined || !isFinished(state)) continue;
    named.push([dag.tasks[at]?.taskId ?? "", listOf(instances, outputs, nodes)]);
  }
  return Object.fromEntries(named);
}

/** What a task gave counts while its last word is success: a clear or a person's mark can take that back. */
const hasGiven = (node: Node | undefined): boolean => node?.task.state === "success";

/** Made once for all who read it: a Mapped changes whenever one of its instances does. */
const lists = new WeakMap<Mapped, readonly Json[]>();

function listOf(mapped: Mapped, outputs: ActiveRun["outputs"], nodes: readonly Node[]): readonly Json[] {
  const known = lists.get(mapped);
  if (known) return known;
  const list = mapped.places
    .slice(0, mapped.made)
    .map((place) => (hasGiven(nodes[place]) ? (outputs.get(place) ?? null) : null));
  lists.set(mapped, list);
  return list;
}
