import type { TaskSpec } from "../dag.ts";
import type { ActiveRun } from "./active-run.ts";

/** Where the instances of one task of one run are counted: under these names. */
export interface SlotKeys {
  /** null: it takes no slot of a pool. */
  readonly pool: string | null;
  readonly dag: string;
  readonly run: string;
  /** The task over all runs of its DAG. */
  readonly task: string;
  /** The task in this run; null: nothing limits how many of its instances are at work. */
  readonly lane: string | null;
}

export function slotKeys({ run, dag }: Pick<ActiveRun, "run" | "dag">, taskAt: number): SlotKeys {
  const spec = dag.tasks[taskAt];
  return {
    pool: spec?.pool ?? null,
    dag: run.dagId,
    run: run.runId,
    task: `${run.dagId}/${dag.taskNos[taskAt]}`,
    lane: (spec?.forEach?.maxParallel ?? null) === null ? null : `${run.runId}/${taskAt}`,
  };
}

/** Who takes the launches of a task: what pushes one of them back pushes the others back, too. */
export const serviceOf = ({ operator, connection }: Pick<TaskSpec, "operator" | "connection">): string =>
  `${operator}/${connection}`;

/**
 * How much is at work, wherever a limit counts it. A sensor holds no slot of a pool, a run or a DAG (rule 22) and counts only
 * against the limits that its own task names; a teardown counts nowhere (rule 25).
 */
export class Slots {
  readonly pools = new Map<string, number>();
  readonly dags = new Map<string, number>();
  readonly runs = new Map<string, number>();
  readonly tasks = new Map<string, number>();
  readonly lanes = new Map<string, number>();

  /** One instance more (`change` 1) or less (-1) is at work. */
  count(keys: SlotKeys, { poolSlots }: Pick<TaskSpec, "poolSlots">, isSensor: boolean, change: 1 | -1): void {
    add(this.tasks, keys.task, change);
    if (keys.lane !== null) add(this.lanes, keys.lane, change);
    if (isSensor) return;
    add(this.runs, keys.run, change);
    add(this.dags, keys.dag, change * (keys.pool === null ? 1 : poolSlots));
    if (keys.pool !== null) add(this.pools, keys.pool, change * poolSlots);
  }
}

function add(counts: Map<string, number>, key: string, change: number): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
