import { specAt, type ActiveRun } from "../../engine/core/machine/active-run.ts";
import { hasDebts } from "../../engine/core/machine/attempt-debts.ts";
import { debts, owed } from "../../engine/core/machine/owed.ts";
import { attemptKey } from "../../engine/core/machine/run-draft.ts";
import type { Candidate } from "../../engine/core/machine/places.ts";
import type { World } from "../../engine/core/machine/world.ts";
import { launchOf, SETTINGS } from "./walk-draws.ts";

/** What the rows owe, in words: by task instance and try. */
export type Debts = ReadonlyMap<string, readonly string[]>;

/** "t3" or "t3[1]". */
export function nameOf({ nodes, dag }: ActiveRun, place: number): string {
  const { taskAt, task } = nodes[place] ?? {};
  const taskId = dag.tasks[taskAt ?? -1]?.taskId ?? "?";
  return task && task.mapIndex >= 0 ? `${taskId}[${task.mapIndex}]` : taskId;
}

/** All that a run's rows owe, by task instance. */
export function owedBy(active: ActiveRun | undefined): Debts {
  const found = new Map<string, string[]>();
  active?.nodes.forEach((node, place) => {
    const { task: row, attempt } = node;
    const own = owed(node, specAt(active, place), launchOf(attempt?.operator ?? ""), SETTINGS);
    const late = [...active.settling.values()]
      .filter(({ taskNo, mapIndex }) => taskNo === row.taskNo && mapIndex === row.mapIndex)
      .map((each) => ({ tryNumber: each.tryNumber, items: debts(each) }));
    const all = [{ tryNumber: row.tryNumber, items: own }, ...late];
    const words = all.flatMap(({ tryNumber, items }) =>
      items.map((item) => `try ${tryNumber} ${JSON.stringify(item)}`),
    );
    if (words.length > 0) found.set(nameOf(active, place), words.sort());
  });
  return found;
}

/** All of the machine's memory that the rows must give again; what is looked at or rendered anew is left out. */
export function pictureOf(world: World): Readonly<Record<string, unknown>> | null {
  const active = [...world.runs.values()][0];
  if (!active) return null;
  const { run, nodes, mapped, settling, openTasks, outputs, dag: graph } = active;
  const named = nodes.map((node, place) => ({ ...node, name: nameOf(active, place), place }));
  const open = named.flatMap(({ attempt }) => (attempt?.state === "open" ? [attempt] : []));
  const late = [...named.flatMap(({ attempt }) => attempt ?? []), ...settling.values()].filter(hasDebts);
  const byKey = (rows: typeof open) => Object.fromEntries(rows.map((row) => [attemptKey(row), row]));
  const { unprepared, ready, slots, unsent, growing } = world["backlog"];
  const namesOf = (places: Iterable<Candidate>): string[] =>
    [...places].map(({ position }) => nameOf(active, position)).sort();
  return {
    run: { ...run, isReopened: run.isReopened ?? false, concurrencyKey: run.concurrencyKey ?? null },
    tasks: Object.fromEntries(named.map(({ name, task: row }) => [name, row])),
    openTasks: nodes.length === 0 ? 0 : openTasks,
    open: byKey(open),
    late: byKey(late),
    outputs: Object.fromEntries([...outputs].map(([place, output]) => [nameOf(active, place), output])),
    mapped: Object.fromEntries(
      [...mapped].flatMap(([taskAt, { expansion, places, made, ended }]) => {
        const counts = Object.fromEntries(Object.entries(ended).filter(([, count]) => count !== 0));
        const isNothing = expansion === null && places.length === 0;
        return isNothing ? [] : [[graph.tasks[taskAt]?.taskId, { expansion, places: places.length, made, counts }]];
      }),
    ),
    waiting: unprepared.size + ready.size,
    unsent: namesOf(unsent),
    growing: namesOf(growing),
    slots: { pools: slots.pools, dags: slots.dags, runs: slots.runs, tasks: slots.tasks, lanes: slots.lanes },
  };
}
