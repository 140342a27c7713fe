import type { CompiledDag } from "./compiled-dag.ts";
import type { RunState, TaskState } from "../states.ts";
import type { ActiveRun } from "./active-run.ts";
import type { Past, PastWish } from "./past-rows.ts";

/** What of the run before keeps a task waiting. */
export interface HeldUp {
  readonly dagRunId: string;
  readonly taskNo: number;
  /** null: that run has not begun its tasks. */
  readonly state: TaskState | null;
  readonly runState: RunState;
}

/** What keeps the task at this place waiting for the run before; null: nothing does. Not known yet: it waits, too. */
export function heldUpBy({ dag, past }: Pick<ActiveRun, "dag" | "past">, taskAt: number): HeldUp | "unknown" | null {
  const taskNos = dag.past.get(taskAt);
  if (taskNos === undefined || past === null) return null;
  if (past === undefined) return "unknown";
  const { dagRunId, runState, hasTasks, states } = past;
  for (const taskNo of taskNos) {
    const state = states.get(taskNo) ?? null;
    if (!hasTasks) return { dagRunId, taskNo, state: null, runState };
    if (state !== null && !PASSES.has(state)) return { dagRunId, taskNo, state, runState };
  }
  return null;
}

/** A task that was removed did not run there, and has nothing to wait for. */
const PASSES: ReadonlySet<TaskState> = new Set(["success", "skipped", "removed"]);

/** How a run in memory stands for the one after it. */
function pastOf(previous: ActiveRun, dag: CompiledDag): Past {
  const { run, nodes } = previous;
  const states = new Map<number, TaskState>();
  // A run that is made again resets its tasks only when it starts: until then none of them counts.
  const hasTasks = nodes.length > 0 && (run.state !== "queued" || run.isReopened === true);
  for (const taskNo of hasTasks ? [...dag.past.values()].flat() : []) {
    const state = nodes[previous.dag.positionOf.get(taskNo) ?? -1]?.task.state;
    if (state !== undefined) states.set(taskNo, state);
  }
  const { runId, dagRunId, logicalAt, state: runState } = run;
  return { runId, dagRunId, logicalAt: logicalAt ?? 0, runState, hasTasks, states };
}

/**
 * Which runs wait for which. A run that starts asks once for the one before it; from then on it hears of every change of that
 * run, so that nothing is looked through again and again.
 */
export class Pasts {
  private readonly runs: ReadonlyMap<string, ActiveRun>;
  /** Those that run and have tasks that depend on the past, by DAG. */
  private readonly byDag = new Map<string, Set<ActiveRun>>();
  private readonly followers = new Map<string, Set<ActiveRun>>();
  private readonly unknown = new Set<ActiveRun>();
  private changed = new Set<ActiveRun>();

  constructor(runs: ReadonlyMap<string, ActiveRun>) {
    this.runs = runs;
  }

  /** A run has come into memory: those after it may have waited for another, or for what it was before. */
  entered(active: ActiveRun): void {
    const { run } = active;
    if (run.state === "running") this.began(active);
    for (const other of this.byDag.get(run.dagId) ?? []) {
      const { logicalAt } = other.run;
      if (other === active || run.logicalAt === null || logicalAt === null || logicalAt <= run.logicalAt) continue;
      if (!other.past || other.past.logicalAt < run.logicalAt) this.ask(other);
    }
    this.moved(active);
  }

  /** The run is under way. */
  began(active: ActiveRun): void {
    active.prevSuccess = undefined;
    if (active.dag.past.size === 0) return;
    const { dagId } = active.run;
    this.byDag.set(dagId, (this.byDag.get(dagId) ?? new Set()).add(active));
    this.ask(active);
  }

  private ask(active: ActiveRun): void {
    this.unfollow(active);
    active.past = undefined;
    if (active.run.logicalAt !== null) this.unknown.add(active);
    else this.set(active, null);
  }

  /** What is to be asked of the database. */
  wishes(): PastWish[] {
    return [...this.unknown].map(({ run, dag }) => ({
      runId: run.runId,
      dagId: run.dagId,
      logicalAt: run.logicalAt ?? 0,
      backfillId: run.backfillId,
      scheduledOnly: Boolean(dag.version.spec.schedule?.catchup),
      taskNos: [...new Set([...dag.past.values()].flat())],
    }));
  }

  /** What the database says of a run's past; null: no run comes before it. Of a run in memory, memory knows more. */
  know(runId: string, past: Past | null): void {
    const active = this.runs.get(runId);
    if (!active || !this.unknown.delete(active)) return;
    const live = past && this.runs.get(past.runId);
    this.set(active, live ? pastOf(live, active.dag) : past);
  }

  private set(active: ActiveRun, past: Past | null): void {
    active.past = past;
    this.changed.add(active);
    if (past) this.followers.set(past.runId, (this.followers.get(past.runId) ?? new Set()).add(active));
  }

  /** Something of this run has changed. */
  moved(active: ActiveRun): void {
    for (const follower of this.followers.get(active.run.runId) ?? []) {
      follower.past = pastOf(active, follower.dag);
      this.changed.add(follower);
    }
  }

  left(active: ActiveRun): void {
    this.unfollow(active);
    this.unknown.delete(active);
    this.changed.delete(active);
    const others = this.byDag.get(active.run.dagId);
    if (others?.delete(active) && others.size === 0) this.byDag.delete(active.run.dagId);
  }

  private unfollow(active: ActiveRun): void {
    const runId = active.past?.runId ?? "";
    const followers = this.followers.get(runId);
    if (followers?.delete(active) && followers.size === 0) this.followers.delete(runId);
  }

  /** Whether a run that is under way waits for this one: it must come to its turn although no other may start. */
  isAwaited(runId: string): boolean {
    return this.followers.has(runId);
  }

  get isAnyAwaited(): boolean {
    return this.followers.size > 0;
  }

  get hasChanged(): boolean {
    return this.changed.size > 0;
  }

  /** The runs whose waiting tasks are to be looked at again. */
  take(): ActiveRun[] {
    const taken = [...this.changed];
    this.changed = new Set();
    return taken;
  }
}
