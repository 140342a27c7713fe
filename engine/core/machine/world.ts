import type {
  Attempt,
  Backfill,
  Booked,
  DagRun,
  DagVersionToPublish,
  LoadedWorld,
  TaskInstance,
  TaskKey,
} from "../records.ts";
import { isFinished, isRunFinished } from "../states.ts";
import { Spent } from "../budget/spent.ts";
import type { Json } from "../json.ts";
import { NOT_LOOKED, newTask, type ActiveRun, type Node } from "./active-run.ts";
import { hasDebts } from "./attempt-debts.ts";
import { admissible, type Candidate } from "./admission.ts";
import { compileDag, type CompiledDag } from "./compiled-dag.ts";
import { decideRun } from "./decide-run.ts";
import { decideTask } from "./decide-task.ts";
import type { DecisionContext, RunEvent, TaskEvent } from "./events.ts";
import { PendingFlush } from "./pending-flush.ts";
import { Planner } from "./planner.ts";
import { RunDraft, attemptKey } from "./run-draft.ts";
import { RunQueue } from "./run-queue.ts";

/** A task whose rows changed: the shell asks what it owes once the change is durable. */
export interface Touched {
  readonly active: ActiveRun;
  readonly position: number;
}

/** The rows of one run, as the store read them. */
export interface RunRows {
  readonly run: DagRun;
  readonly tasks: readonly TaskInstance[];
  readonly attempts: readonly Attempt[];
  readonly outputs: readonly (TaskKey & { readonly output: Json })[];
  readonly booked: readonly Booked[];
}

/**
 * All that the writer remembers. Decisions are made on drafts (decideTask, decideRun) and applied here whole; what they
 * changed gathers in `pending` until the shell flushes it. Not a word of I/O: the same events give the same batches.
 */
export class World {
  readonly dags = new Map<string, CompiledDag>();
  readonly currentVersion = new Map<string, string>();
  readonly runs = new Map<string, ActiveRun>();
  readonly backfills = new Map<string, Backfill>();
  readonly pools = new Map<string, number>();
  readonly installationId: string;
  /** Every task number ever given, by DAG and task id: numbers only grow (rule 27). */
  private readonly taskNos = new Map<string, Map<string, number>>();
  private readonly isSensor: (operator: string) => boolean;
  private readonly onPoison: (runId: string, error: unknown) => void;
  private readonly queues = new Map<string, RunQueue>();
  /** Tasks that are ready but not rendered: the shell prepares them before the next flush. */
  readonly unprepared = new Map<string, Candidate>();
  private readonly prepared = new Map<string, Candidate>();
  private readonly held = new Map<string, number>();
  private readonly unsent = new Set<string>();
  private readonly touched = new Map<string, Touched>();
  private pending = new PendingFlush();
  readonly planner: Planner;

  /** `onPoison` hears of every run that a decision could not be made about; it has been put aside (rule 7). */
  constructor(
    loaded: LoadedWorld,
    isSensor: (operator: string) => boolean,
    onPoison: (runId: string, error: unknown) => void,
  ) {
    this.isSensor = isSensor;
    this.onPoison = onPoison;
    this.installationId = loaded.installationId;
    for (const version of loaded.versions) this.dags.set(version.versionId, compileDag(version));
    for (const [dagId, versionId] of Object.entries(loaded.currentVersion)) this.currentVersion.set(dagId, versionId);
    for (const [pool, slots] of Object.entries(loaded.pools)) this.pools.set(pool, slots);
    for (const backfill of loaded.backfills) this.backfills.set(backfill.backfillId, backfill);
    this.planner = new Planner(loaded, this.surroundings());
    for (const { dagId, taskId, taskNo } of loaded.dagTasks) this.taskNosOf(dagId).set(taskId, taskNo);
    const tasks = byRun(loaded.tasks);
    const attempts = byRun(loaded.attempts);
    const outputs = byRun(loaded.outputs);
    const booked = byRun(loaded.booked);
    for (const run of loaded.runs) {
      if (run.quarantine !== null) continue;
      const of = <T>(rows: Map<string, T[]>): T[] => rows.get(run.runId) ?? [];
      try {
        this.addRun({ run, tasks: of(tasks), attempts: of(attempts), outputs: of(outputs), booked: of(booked) });
      } catch (error) {
        this.pending.run(run, { ...run, quarantine: reasonOf(error) });
        onPoison(run.runId, error);
      }
    }
    for (const backfill of loaded.backfills) this.completeBackfill(backfill.backfillId, backfill.createdAt);
  }

  /** Takes a run into memory with its rows. */
  addRun({ run, tasks, attempts, outputs, booked }: RunRows): ActiveRun {
    const dag = this.dags.get(run.versionId);
    if (!dag) throw new Error(`run ${run.dagRunId} is of an unknown version ${run.versionId}`);
    const rows = new Map(tasks.map((task) => [task.taskNo, task]));
    const newest = new Map<number, Attempt>();
    const settling = new Map<string, Attempt>();
    for (const attempt of attempts) {
      if (attempt.tryNumber === rows.get(attempt.taskNo)?.tryNumber) newest.set(attempt.taskNo, attempt);
      else if (hasDebts(attempt)) settling.set(attemptKey(attempt), attempt);
    }
    const hasRows = tasks.length > 0;
    const nodes = dag.taskNos.map((taskNo, position): Node => {
      const task = rows.get(taskNo) ?? newTask(run.runId, taskNo, dag.tasks[position]?.retries ?? 0);
      return { task, attempt: newest.get(taskNo) ?? null, prepared: null, looking: NOT_LOOKED };
    });
    const active: ActiveRun = {
      run,
      dag,
      nodes: hasRows ? nodes : [],
      openTasks: nodes.filter((node) => !isFinished(node.task.state)).length,
      outputs: new Map(outputs.map((row) => [dag.positionOf.get(row.taskNo) ?? -1, row.output])),
      settling,
      spent: Spent.of(booked, run.startedAt),
      unstored: new Set(hasRows ? dag.taskNos.filter((taskNo) => !rows.has(taskNo)) : []),
      isGone: false,
    };
    const earlier = this.runs.get(run.runId);
    if (earlier) this.forget(earlier);
    this.runs.set(run.runId, active);
    this.queueOf(active).add(active);
    active.nodes.forEach((node, position) => {
      this.index(active, position, null, node);
      this.touch(active, position);
    });
    return active;
  }

  /** A new or relabelled run enters: `before` is its row as stored, null when it is new. */
  enterRun(before: DagRun | null, rows: RunRows): void {
    this.addRun(rows);
    this.pending.run(before, rows.run);
  }

  decideTask(runId: string, taskNo: number, event: TaskEvent, context: DecisionContext): void {
    const active = this.runs.get(runId);
    const position = active?.dag.positionOf.get(taskNo);
    if (!active || position === undefined || active.nodes.length === 0) return;
    this.decide(active, context, (draft) => decideTask(draft, position, event, context));
  }

  decideRun(runId: string, event: RunEvent, context: DecisionContext): void {
    const active = this.runs.get(runId);
    if (active) this.decide(active, context, (draft) => decideRun(draft, event, context));
  }

  /** A decision that throws is our bug: it changes nothing, and its run is put aside so that the others go on. */
  private decide(active: ActiveRun, context: DecisionContext, decision: (draft: RunDraft) => void): void {
    const draft = new RunDraft(active);
    try {
      decision(draft);
    } catch (error) {
      this.quarantine(active.run.runId, reasonOf(error));
      this.onPoison(active.run.runId, error);
      return;
    }
    this.apply(draft, context);
  }

  /** Starts runs that may start, about `maxNewRowsPerFlush` rows at a time (rule 6). */
  startRuns(context: DecisionContext): void {
    let rows = 0;
    for (const queue of this.queues.values()) {
      for (let next = this.startable(queue, context.now); next && rows < context.settings.maxNewRowsPerFlush;) {
        rows += next.dag.tasks.length;
        this.decideRun(next.run.runId, { kind: "start" }, context);
        next = this.startable(queue, context.now);
      }
    }
  }

  /** The next run of a queue; of a paused DAG none begins. */
  private startable(queue: RunQueue, now: number): ActiveRun | null {
    const next = queue.next(now);
    return next && !this.planner.isPaused(next.run.dagId) ? next : null;
  }

  /** When the next run may start that only waits for its time. */
  get nextStartAt(): number {
    let at = Infinity;
    for (const queue of this.queues.values()) {
      const next = queue.first;
      if (next && !this.planner.isPaused(next.run.dagId)) at = Math.min(at, next.run.runAfterAt);
    }
    return at;
  }

  /** Writes launch intents for prepared tasks, as far as pools and the limit of launches under way allow. */
  admit(context: DecisionContext): void {
    if (this.prepared.size === 0) return;
    const { settings } = context;
    const launches = Math.min(settings.maxSubmits - this.unsent.size, settings.maxNewRowsPerFlush);
    const room = {
      slots: this.pools,
      held: this.held,
      launches,
      isSensor: this.isSensor,
      isPaused: (dagId: string) => this.planner.isPaused(dagId),
    };
    for (const { active, position } of admissible([...this.prepared.values()], room)) {
      this.decide(active, context, (draft) => decideTask(draft, position, { kind: "admitted" }, context));
    }
  }

  /** What has gathered since the last call; null when nothing has. */
  takePending(): { readonly batch: PendingFlush; readonly touched: readonly Touched[] } | null {
    if (this.pending.isEmpty && this.touched.size === 0) return null;
    const taken = { batch: this.pending, touched: [...this.touched.values()] };
    this.pending = new PendingFlush();
    this.touched.clear();
    return taken;
  }

  get gathered(): PendingFlush {
    return this.pending;
  }

  /** Whether nothing is going on: no run waits or runs, and no bill is open. A late search for duplicates may still come. */
  get isSettled(): boolean {
    for (const active of this.runs.values()) {
      if (!isRunFinished(active.run.state)) return false;
      if ([...active.settling.values()].some((attempt) => attempt.settleAt !== null)) return false;
      if (active.nodes.some(({ attempt }) => attempt !== null && attempt.settleAt !== null)) return false;
    }
    return true;
  }

  taskNosOf(dagId: string): Map<string, number> {
    const known = this.taskNos.get(dagId) ?? new Map<string, number>();
    this.taskNos.set(dagId, known);
    return known;
  }

  /** Makes a new version the DAG's current one. */
  enterVersion(publication: DagVersionToPublish): void {
    const { version } = publication;
    this.dags.set(version.versionId, compileDag(version));
    this.currentVersion.set(version.dagId, version.versionId);
    for (const [taskId, taskNo] of Object.entries(version.taskNos)) this.taskNosOf(version.dagId).set(taskId, taskNo);
    for (const [pool, { slots }] of Object.entries(version.spec.pools)) this.pools.set(pool, slots);
    const queue = this.queues.get(version.dagId);
    if (queue) queue.limit = version.spec.maxActiveRuns;
    this.pending.publish(publication);
    this.planner.published(version.spec);
  }

  /** The newest version of a DAG. */
  currentDag(dagId: string): CompiledDag | null {
    return this.dags.get(this.currentVersion.get(dagId) ?? "") ?? null;
  }

  /** Puts a run aside: nothing more is decided about it until a person releases it (rule 7). */
  quarantine(runId: string, why: string): void {
    const active = this.runs.get(runId);
    if (!active) return;
    this.pending.run(active.run, { ...active.run, quarantine: why });
    this.forget(active);
  }

  /** Lets go of a run whose rows the database would not take; its quarantine is written by whoever found out. */
  drop(runId: string): void {
    const active = this.runs.get(runId);
    if (active) this.forget(active);
  }

  private apply(draft: RunDraft, context: DecisionContext): void {
    const { active } = draft;
    this.pending.take(draft, active);
    const { state: before } = active.run;
    active.run = draft.run;
    active.openTasks = draft.openTasks;
    active.spent = draft.spent;
    if (draft.started) {
      active.nodes = [...draft.started];
      active.outputs.clear();
      active.unstored.clear();
      draft.started.forEach((_, position) => this.touch(active, position));
    }
    for (const [position, node] of draft.nodes) {
      const before = active.nodes[position] ?? null;
      active.nodes[position] = node;
      this.index(active, position, before, node);
      this.touch(active, position);
    }
    for (const [position, output] of draft.outputs) active.outputs.set(position, output);
    for (const attempt of draft.leftSettling) active.settling.set(attemptKey(attempt), attempt);
    for (const [key, { after }] of draft.attempts) {
      if (!active.settling.has(key)) continue;
      if (hasDebts(after)) active.settling.set(key, after);
      else active.settling.delete(key);
    }
    if (before === "queued" && active.run.state === "running") this.queueOf(active).started(active);
    if (!isRunFinished(active.run.state)) return;
    if (!isRunFinished(before)) this.planner.ended(active, context);
    this.leave(active, context);
  }

  private surroundings(): ConstructorParameters<typeof Planner>[1] {
    const gathered = (): PendingFlush => this.pending;
    return {
      currentDag: (dagId) => this.currentDag(dagId),
      activeRun: (runId) => this.runs.get(runId),
      waitingRuns: (dagId) => this.queues.get(dagId)?.waitingRuns ?? 0,
      enterRun: (run) => this.enterRun(null, { run, tasks: [], attempts: [], outputs: [], booked: [] }),
      get gathered() {
        return gathered();
      },
    };
  }

  private touch(active: ActiveRun, position: number): void {
    this.touched.set(`${active.run.runId}/${position}`, { active, position });
  }

  /** A run that has ended makes room; it leaves memory once it owes nothing. */
  private leave(active: ActiveRun, context: DecisionContext): void {
    this.queues.get(queueKey(active))?.remove(active);
    if (active.run.backfillId !== null) this.completeBackfill(active.run.backfillId, context.now);
    const owes = ({ attempt }: Node): boolean => attempt !== null && hasDebts(attempt);
    if (active.settling.size === 0 && !active.nodes.some(owes)) this.forget(active);
  }

  private forget(active: ActiveRun): void {
    this.queues.get(queueKey(active))?.remove(active);
    active.nodes.forEach((node, position) => this.index(active, position, node, null));
    this.runs.delete(active.run.runId);
    active.isGone = true;
  }

  /** A backfill is complete once none of its runs waits or runs. */
  completeBackfill(backfillId: string, now: number): void {
    const backfill = this.backfills.get(backfillId);
    if (!backfill || !(this.queues.get(backfillId)?.isEmpty ?? true)) return;
    this.pending.backfill(backfill, { ...backfill, state: "completed", completedAt: now });
    this.backfills.delete(backfillId);
    this.queues.delete(backfillId);
  }

  enterBackfill(backfill: Backfill): void {
    this.backfills.set(backfill.backfillId, backfill);
    this.pending.backfill(null, backfill);
  }

  private queueOf(active: ActiveRun): RunQueue {
    const { backfillId } = active.run;
    const backfill = backfillId === null ? undefined : this.backfills.get(backfillId);
    const key = queueKey(active);
    const known = this.queues.get(key);
    if (known) return known;
    const queue = new RunQueue(backfill?.maxActiveRuns ?? active.dag.version.spec.maxActiveRuns);
    this.queues.set(key, queue);
    return queue;
  }

  /** Keeps the small lists that planning reads: prepared tasks, held slots, launches under way. */
  private index(active: ActiveRun, position: number, before: Node | null, after: Node | null): void {
    const spec = active.dag.tasks[position];
    if (!spec) return;
    const key = `${active.run.runId}/${position}`;
    const isReady = after?.task.state === "scheduled";
    if (isReady && after.prepared) this.prepared.set(key, { active, position });
    else this.prepared.delete(key);
    if (isReady && !after.prepared) this.unprepared.set(key, { active, position });
    else this.unprepared.delete(key);
    const isUnsent = after?.attempt?.state === "open" && after.attempt.ref === null;
    // A teardown is held up by nothing (rule 25).
    if (isUnsent && spec.teardownOf.length === 0) this.unsent.add(key);
    else this.unsent.delete(key);
    if (spec.pool === null || spec.teardownOf.length > 0 || this.isSensor(spec.operator)) return;
    const change = Number(holdsSlot(after)) - Number(holdsSlot(before));
    if (change !== 0) this.held.set(spec.pool, (this.held.get(spec.pool) ?? 0) + change * spec.poolSlots);
  }
}

const holdsSlot = (node: Node | null): boolean => node?.task.state === "queued" || node?.task.state === "running";

const queueKey = ({ run }: ActiveRun): string => run.backfillId ?? run.dagId;

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function byRun<T extends { readonly runId: string }>(rows: readonly T[]): Map<string, T[]> {
  const grouped = new Map<string, T[]>();
  for (const row of rows) {
    const list = grouped.get(row.runId);
    if (list) list.push(row);
    else grouped.set(row.runId, [row]);
  }
  return grouped;
}
