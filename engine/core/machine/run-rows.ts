import { Spent } from "../budget/spent.ts";
import type { Json } from "../json.ts";
import type { Attempt, Booked, DagRun, ExpansionRow, TaskInstance, TaskKey } from "../records.ts";
import type { LoadedWorld } from "../flush-batch.ts";
import { isFinished } from "../states.ts";
import { NOT_LOOKED, newTask, type ActiveRun, type Node } from "./active-run.ts";
import { hasDebts, kept } from "./attempt-debts.ts";
import type { CompiledDag } from "./compiled-dag.ts";
import { LazyMap } from "./lazy-map.ts";
import type { Mapped, Tally } from "./mapped.ts";
import { attemptKey } from "./run-draft.ts";

/** The rows of one run, as the store read them. */
export interface RunRows {
  readonly run: DagRun;
  readonly tasks: readonly TaskInstance[];
  readonly attempts: readonly Attempt[];
  readonly outputs: readonly (TaskKey & { readonly output: Json })[];
  readonly expansions: readonly ExpansionRow[];
  readonly booked: readonly Booked[];
}

/** The rows of a run that has only its own. */
export const bareRun = (run: DagRun): RunRows => ({
  run,
  tasks: [],
  attempts: [],
  outputs: [],
  expansions: [],
  booked: [],
});

/** Each run of what was loaded with the rows of its own. */
export function rowsByRun(loaded: Omit<LoadedWorld, "runs">): (run: DagRun) => RunRows {
  const tasks = byRun(loaded.tasks);
  const attempts = byRun(loaded.attempts);
  const outputs = byRun(loaded.outputs);
  const expansions = byRun(loaded.expansions);
  const booked = byRun(loaded.booked);
  return (run) => {
    const { runId } = run;
    const rows = { tasks: tasks(runId), attempts: attempts(runId), outputs: outputs(runId) };
    return { run, ...rows, expansions: expansions(runId), booked: booked(runId) };
  };
}

function byRun<T extends { readonly runId: string }>(rows: readonly T[]): (runId: string) => readonly T[] {
  const grouped = new Map<string, T[]>();
  for (const row of rows) {
    const list = grouped.get(row.runId);
    if (list) list.push(row);
    else grouped.set(row.runId, [row]);
  }
  return (runId) => grouped.get(runId) ?? [];
}

/** A run in memory, as its rows say. */
export function activeRun({ run, tasks, attempts, outputs, expansions, booked }: RunRows, dag: CompiledDag): ActiveRun {
  const rows = new Map(tasks.map((task) => [instanceKey(task), task]));
  const newest = new Map<string, Attempt>();
  const settling = new LazyMap<string, Attempt>();
  for (const attempt of attempts) {
    const key = instanceKey(attempt);
    if (attempt.tryNumber === rows.get(key)?.tryNumber) newest.set(key, attempt);
    else if (hasDebts(attempt)) settling.set(attemptKey(attempt), attempt);
  }
  const nodeOf = (task: TaskInstance, taskAt: number): Node => {
    const attempt = newest.get(instanceKey(task)) ?? null;
    return kept({ task, taskAt, attempt, prepared: null, looking: NOT_LOOKED, listing: null });
  };
  const isStarted = tasks.length > 0;
  const nodes = dag.taskNos.map((taskNo, taskAt) => {
    const fresh = newTask(run.runId, taskNo, dag.tasks[taskAt]?.retries ?? 0);
    return nodeOf(rows.get(instanceKey(fresh)) ?? fresh, taskAt);
  });
  const unstored = nodes.flatMap(({ task }, place) => (isStarted && !rows.has(instanceKey(task)) ? [place] : []));
  const mapped = new LazyMap<number, Mapped>();
  const items = new Map(expansions.map((row) => [dag.positionOf.get(row.taskNo), row]));
  const instances = tasks.filter(({ mapIndex }) => mapIndex >= 0).sort((a, b) => a.mapIndex - b.mapIndex);
  for (const task of instances) {
    const taskAt = dag.positionOf.get(task.taskNo);
    // Of a task that this version has no more.
    if (taskAt === undefined) continue;
    const places = mapped.get(taskAt)?.places ?? [];
    mapped.set(taskAt, { expansion: null, places: [...places, nodes.length], made: 0, ended: {} });
    nodes.push(nodeOf(task, taskAt));
  }
  const places = new Map(nodes.map(({ task }, place) => [instanceKey(task), place]));
  dag.tasks.forEach((spec, taskAt) => {
    const { state, startedAt = null } = nodes[taskAt]?.task ?? {};
    const row = items.get(taskAt);
    // What a task was mapped over before it began anew says nothing. Over nothing it ends without having started.
    const isExpanded = startedAt !== null || (state === "skipped" && row?.items.length === 0);
    if (!spec.forEach || !row || !isExpanded) return;
    const { places: known = [] } = mapped.get(taskAt) ?? {};
    const states = known.map((place) => nodes[place]?.task.state ?? "removed");
    const made = states.filter((each) => each !== "removed").length;
    const ended: Partial<Record<TaskInstance["state"], number>> = {};
    for (const each of states.slice(0, made)) if (isFinished(each)) ended[each] = (ended[each] ?? 0) + 1;
    const expansion = { items: row.items, labels: row.labels };
    mapped.set(taskAt, { expansion, places: known, made, ended: ended satisfies Tally });
  });
  return {
    run,
    dag,
    nodes: isStarted ? nodes : [],
    openTasks: nodes.filter((node) => !isFinished(node.task.state)).length,
    outputs: LazyMap.of(outputs.map((row) => [places.get(instanceKey(row)) ?? -1, row.output])),
    settling,
    orphanLooks: new LazyMap(),
    spent: Spent.of(booked, run.startedAt),
    mapped,
    unstored: unstored.length === 0 ? null : new Set(unstored),
    isLoaded: true,
    past: undefined,
    prevSuccess: undefined,
    isGone: false,
  };
}

const instanceKey = ({ taskNo, mapIndex }: Pick<TaskKey, "taskNo" | "mapIndex">): string => `${taskNo}/${mapIndex}`;
