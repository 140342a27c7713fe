import type { Spent } from "../budget/spent.ts";
import type { Json, JsonObject } from "../json.ts";
import type { TaskSpec } from "../dag.ts";
import type { Attempt, DagRun, HistoryEntry, LedgerEntry, Mail, TaskInstance } from "../records.ts";
import { isFinished } from "../states.ts";
import type { ActiveRun, Node } from "./active-run.ts";
import { NOT_LOOKED, newTask } from "./active-run.ts";
import { hasDebts } from "./attempt-debts.ts";

/**
 * One decision about one run, not yet applied: reads see what this decision has changed so far. Nothing outside is touched
 * until World.apply takes it whole, so a decision that throws leaves no trace.
 */
export class RunDraft {
  readonly active: ActiveRun;
  run: DagRun;
  /** Tasks that have not ended. */
  openTasks: number;
  spent: Spent;
  readonly nodes = new Map<number, Node>();
  readonly outputs = new Map<number, Json>();
  readonly history: HistoryEntry[] = [];
  readonly ledger: LedgerEntry[] = [];
  readonly mails: Mail[] = [];
  readonly frozen: { hash: string; params: JsonObject }[] = [];
  readonly attempts = new Map<string, { readonly before: Attempt | null; after: Attempt }>();
  /** Attempts that still owe something although their task starts anew. */
  readonly leftSettling: Attempt[] = [];
  /** Set when the run starts: its rows are made or reset. */
  started: Node[] | null = null;

  constructor(active: ActiveRun) {
    this.active = active;
    this.run = active.run;
    this.openTasks = active.openTasks;
    this.spent = active.spent;
  }

  spec(position: number): TaskSpec {
    const spec = this.active.dag.tasks[position];
    if (!spec) throw new Error(`run ${this.run.dagRunId} has no task at position ${position}`);
    return spec;
  }

  node(position: number): Node {
    const node = this.nodes.get(position) ?? this.started?.[position] ?? this.active.nodes[position];
    if (!node) throw new Error(`run ${this.run.dagRunId} has no row for task ${this.spec(position).taskId}`);
    return node;
  }

  isTeardown(position: number): boolean {
    return this.spec(position).teardownOf.length > 0;
  }

  /** Makes the rows of a run that starts: new ones, or those of an earlier run of it, reset. */
  start(rows: readonly (TaskInstance | undefined)[]): void {
    const { dag } = this.active;
    this.started = dag.tasks.map((spec, position) => {
      const fresh = newTask(this.run.runId, dag.taskNos[position] ?? -1, spec.retries);
      const row = rows[position];
      const tryNumber = row?.tryNumber ?? 0;
      const task = { ...fresh, tryNumber, maxTry: tryNumber + spec.retries + 1 };
      return { task, attempt: null, prepared: null, looking: NOT_LOOKED };
    });
    this.openTasks = dag.tasks.length;
    for (const { attempt } of this.active.nodes) if (attempt && hasDebts(attempt)) this.leftSettling.push(attempt);
  }

  patch(position: number, changes: Partial<Node>): void {
    this.nodes.set(position, { ...this.node(position), ...changes });
  }

  /** Changes a task's row; a change of state is written into the history. */
  task(position: number, changes: Partial<TaskInstance>, why: string, by: string, at: number): void {
    const before = this.node(position).task;
    const after = { ...before, ...changes };
    if (before.state !== after.state) {
      this.openTasks += Number(isFinished(before.state)) - Number(isFinished(after.state));
      const { runId, taskNo, mapIndex } = after;
      this.history.push({ runId, taskNo, mapIndex, from: before.state, to: after.state, why, by, at });
    }
    this.patch(position, { task: after });
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
    else this.track(this.active.settling.get(attemptKey(after)) ?? null, after);
  }

  /** The task starts anew: what its newest attempt still owes is not forgotten. */
  leaveAttempt(position: number): void {
    const { attempt } = this.node(position);
    if (attempt && hasDebts(attempt)) this.leftSettling.push(attempt);
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
