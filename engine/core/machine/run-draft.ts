import type { AssetEvent } from "../assets/events.ts";
import type { Spent } from "../budget/spent.ts";
import type { Json, JsonObject } from "../json.ts";
import type { TaskSpec } from "../dag.ts";
import type { Attempt, DagRun, HistoryEntry, LedgerEntry, Mail, TaskInstance } from "../records.ts";
import { isFinished } from "../states.ts";
import type { ActiveRun, Looking, Node } from "./active-run.ts";
import { NOT_LOOKED, newTask } from "./active-run.ts";
import { hasDebts } from "./attempt-debts.ts";
import { isTransition } from "./transitions.ts";
import { NOT_MAPPED_YET, moved, type Expansion, type Mapped } from "./mapped.ts";

/** What few decisions change. */
export class Rare {
  readonly outputs = new Map<number, Json>();
  /** Places whose earlier output says nothing any more. */
  readonly outputsGone = new Set<number>();
  readonly orphanLooks = new Map<string, Looking>();
  readonly ledger: LedgerEntry[] = [];
  readonly mails: Mail[] = [];
  readonly assetEvents: AssetEvent[] = [];
  readonly mapped = new Map<number, Mapped>();
  /** What tasks were mapped over in this decision, by place. */
  readonly expansions = new Map<number, Expansion>();
  /** Attempts that still owe something although their task starts anew. */
  readonly leftSettling: Attempt[] = [];
}

/**
 * One decision about one run, not yet applied: reads see what this decision has changed so far. Nothing outside is touched
 * until World.apply takes it whole, so a decision that throws leaves no trace.
 */
export class RunDraft {
  readonly active: ActiveRun;
  readonly isFollowed: (ref: Json) => boolean;
  run: DagRun;
  /** Tasks that have not ended. */
  openTasks: number;
  spent: Spent;
  readonly nodes = new Map<number, Node>();
  readonly history: HistoryEntry[] = [];
  readonly frozen: { hash: string; params: JsonObject }[] = [];
  readonly attempts = new Map<string, { readonly before: Attempt | null; after: Attempt }>();
  private made: Rare | null = null;
  /** Set when the run starts: its rows are made or reset. */
  started: Node[] | null = null;
  /** Tasks whose downstreams are to be looked at; the first of them is under way. */
  readonly line: number[] = [];
  private added = 0;

  /** `isFollowed`: whether some task, of whatever run, follows a job. */
  constructor(active: ActiveRun, isFollowed: (ref: Json) => boolean) {
    this.active = active;
    this.isFollowed = isFollowed;
    this.run = active.run;
    this.openTasks = active.openTasks;
    this.spent = active.spent;
  }

  /** Made when something is put into it: decisions are many, and most of them need none of it. */
  get rare(): Rare {
    return (this.made ??= new Rare());
  }

  /** null: nothing was put into it. */
  get rareIfAny(): Rare | null {
    return this.made;
  }

  spec(position: number): TaskSpec {
    const { tasks } = this.active.dag;
    const spec = tasks[position < tasks.length ? position : this.node(position).taskAt];
    if (!spec) throw new Error(`run ${this.run.dagRunId} has no task at position ${position}`);
    return spec;
  }

  node(position: number): Node {
    const node = this.nodes.get(position) ?? this.started?.[position] ?? this.active.nodes[position];
    if (!node) throw new Error(`run ${this.run.dagRunId} has no row at ${position}`);
    return node;
  }

  isTeardown(position: number): boolean {
    return this.spec(position).teardownOf.length > 0;
  }

  /**
   * Makes the rows of a run that starts: new ones, or those of an earlier run of it, reset. Instances come with their
   * expansion. A task that is not among those that run stays as it was, or where it never was is removed.
   */
  start(now: number): void {
    const { dag, nodes, mapped } = this.active;
    const again = (before: Node | undefined, taskAt: number): Node => {
      const spec = dag.tasks[taskAt];
      const row = before?.task ?? newTask(this.run.runId, dag.taskNos[taskAt] ?? -1, 0);
      const { runId, taskNo, mapIndex, tryNumber } = row;
      const fresh = newTask(runId, taskNo, tryNumber + (spec?.retries ?? 0), mapIndex);
      const task = { ...fresh, tryNumber };
      return { task, taskAt, attempt: null, prepared: null, looking: NOT_LOOKED, listing: null };
    };
    const removed = ({ task, ...rest }: Node): Node => ({ ...rest, task: { ...task, state: "removed", endedAt: now } });
    const { onlyTasks } = this.run;
    const only = onlyTasks && new Set(onlyTasks);
    const isLeft = (taskAt: number): boolean => only !== null && !only.has(dag.tasks[taskAt]?.taskId ?? "");
    const kept = (place: number, taskAt: number): Node | null => {
      const node = nodes[place];
      return isLeft(taskAt) && node && isFinished(node.task.state) ? node : null;
    };
    const base = dag.tasks.map((_, taskAt) => {
      const node = again(nodes[taskAt], taskAt);
      return kept(taskAt, taskAt) ?? (isLeft(taskAt) ? removed(node) : node);
    });
    const instances = nodes
      .slice(dag.tasks.length)
      .map((node, index) => kept(dag.tasks.length + index, node.taskAt) ?? removed(again(node, node.taskAt)));
    this.started = [...base, ...instances];
    this.openTasks = base.filter(({ task }) => !isFinished(task.state)).length;
    for (const [taskAt, { places }] of mapped) {
      if (!isLeft(taskAt)) this.rare.mapped.set(taskAt, { ...NOT_MAPPED_YET, places });
    }
    nodes.forEach((node, place) => {
      if (node.attempt && hasDebts(node.attempt) && this.started?.[place] !== node)
        this.rare.leftSettling.push(node.attempt);
    });
  }

  mappedOf(taskAt: number): Mapped {
    return this.made?.mapped.get(taskAt) ?? this.active.mapped.get(taskAt) ?? NOT_MAPPED_YET;
  }

  /** How many nodes the run has, with those that this decision adds. */
  get size(): number {
    const known = this.started?.length ?? this.active.nodes.length;
    return known + this.added;
  }

  /** A node that has no row yet; answers its place. */
  add(node: Node): number {
    const place = this.size;
    this.added++;
    this.nodes.set(place, node);
    if (!isFinished(node.task.state)) this.openTasks++;
    return place;
  }

  patch(position: number, changes: Partial<Node>): void {
    this.nodes.set(position, { ...this.node(position), ...changes });
  }

  /** Changes a task's row; a change of state is written into the history. */
  task(position: number, changes: Partial<TaskInstance>, why: string, by: string, at: number): void {
    const before = this.node(position).task;
    const after = { ...before, ...changes };
    if (before.state !== after.state) {
      if (!isTransition(before.state, after.state)) {
        throw new Error(`${this.spec(position).taskId}: ${before.state} does not lead to ${after.state} (${why})`);
      }
      this.openTasks += Number(isFinished(before.state)) - Number(isFinished(after.state));
      const { runId, taskNo, mapIndex } = after;
      this.history.push({ runId, taskNo, mapIndex, from: before.state, to: after.state, why, by, at });
      if (mapIndex >= 0) {
        const { taskAt } = this.node(position);
        this.rare.mapped.set(taskAt, moved(this.mappedOf(taskAt), mapIndex, before.state, after.state));
      }
    }
    this.patch(position, { task: after });
  }

  /** What an earlier try of the task gave says nothing any more: outputs are kept by try, and the newest one counts. */
  forgetOutput(position: number): void {
    this.made?.outputs.delete(position);
    if (this.active.outputs.has(position)) this.rare.outputsGone.add(position);
  }

  /** Opens a new attempt, or changes the newest one. */
  attempt(position: number, after: Attempt): void {
    this.track(this.node(position).attempt, after);
    this.patch(position, { attempt: after });
  }

  /** The attempt of this number, if it is the newest or still owes something. */
  attemptOf(position: number, tryNumber: number): Attempt | null {
    const { attempt, task } = this.node(position);
    if (attempt?.tryNumber === tryNumber) return attempt;
    const key = attemptKey({ ...task, tryNumber });
    return this.attempts.get(key)?.after ?? this.active.settling.get(key) ?? null;
  }

  /** Changes an attempt, be it the newest or an earlier one that still owes something. */
  changeAttempt(position: number, after: Attempt): void {
    if (this.node(position).attempt?.tryNumber === after.tryNumber) this.attempt(position, after);
    else {
      this.track(this.active.settling.get(attemptKey(after)) ?? null, after);
      // The shell is told of the node: what it owes now may be owed later than before.
      this.patch(position, {});
    }
  }

  /** The task starts anew: what its newest attempt still owes is not forgotten. */
  leaveAttempt(position: number): void {
    const { attempt } = this.node(position);
    if (attempt && hasDebts(attempt)) this.rare.leftSettling.push(attempt);
  }

  private track(before: Attempt | null, after: Attempt): void {
    const key = attemptKey(after);
    const known = this.attempts.get(key);
    if (known) known.after = after;
    else this.attempts.set(key, { before: before?.tryNumber === after.tryNumber ? before : null, after });
  }
}

export const attemptKey = (attempt: Pick<Attempt, "taskNo" | "mapIndex" | "tryNumber">): string =>
  `${attempt.taskNo}/${attempt.mapIndex}/${attempt.tryNumber}`;

/** What earlier attempts owe goes on with the run, until they owe nothing more. */
export function keepDebts({ active, rareIfAny, attempts }: RunDraft): void {
  for (const [key, looking] of rareIfAny?.orphanLooks ?? []) active.orphanLooks.set(key, looking);
  for (const attempt of rareIfAny?.leftSettling ?? []) active.settling.set(attemptKey(attempt), attempt);
  if (active.settling.size === 0) return;
  for (const [key, { after }] of attempts) {
    if (!active.settling.has(key)) continue;
    if (hasDebts(after)) active.settling.set(key, after);
    else active.settling.delete(key);
  }
}
