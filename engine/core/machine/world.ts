import type { Backfill, DagRun, TaskKey } from "../records.ts";
import type { DagVersionToPublish, LoadedWorld } from "../flush-batch.ts";
import type { Json } from "../json.ts";
import type { EngineSettings } from "../settings.ts";
import { isFinished, isRunFinished } from "../states.ts";
import { Variables } from "../variables.ts";
import { formatDuration } from "../duration.ts";
import { isFollowed, placeOf, type ActiveRun, type Node } from "./active-run.ts";
import { awaitsBill, hasDebts, kept } from "./attempt-debts.ts";
import { admissible } from "./admission.ts";
import { Backlog } from "./backlog.ts";
import { decideRun } from "./decide-run.ts";
import { decideTask } from "./decide-task.ts";
import type { DecisionContext, RunEvent, TaskEvent } from "./events.ts";
import { withConcurrencyKey, type RenderKey, type RenderKeyWith } from "./concurrency.ts";
import { KnownDags } from "./known-dags.ts";
import { Pasts } from "./past.ts";
import { PendingFlush } from "./pending-flush.ts";
import { Planner } from "./planner.ts";
import { activeRun, bareRun, rowsByRun, type RunRows } from "./run-rows.ts";
import type { Candidate } from "./places.ts";
import type { OperatorKinds } from "./ready-tasks.ts";
import { RunTimeouts } from "./run-timeouts.ts";
import { RunDraft, keepDebts } from "./run-draft.ts";
import { RunQueues } from "./run-queues.ts";
import { Touches, type Touched } from "./touches.ts";

/**
 * All that the writer remembers. Decisions are made on drafts (decideTask, decideRun) and applied here whole; what they
 * changed gathers in `pending` until the shell flushes it. Not a word of I/O: the same events give the same batches.
 */
export class World {
  readonly known: KnownDags;
  readonly runs = new Map<string, ActiveRun>();
  readonly pools = new Map<string, number>();
  readonly variables: Variables;
  readonly installationId: string;
  private readonly onPoison: (runId: string, error: unknown) => void;
  private readonly queues: RunQueues;
  private readonly backlog: Backlog;
  private readonly touched = new Touches();
  private readonly timeouts = new RunTimeouts();
  readonly pasts = new Pasts(this.runs);
  private readonly renderKey: RenderKey;
  private pending = new PendingFlush();
  /** What the flush that gathers has derived: rows of tasks, made or made again, and tasks rendered. */
  private derived = { rows: 0, rendered: 0 };
  readonly planner: Planner;

  /** `onPoison` hears of every run that a decision could not be made about; it has been put aside (rule 7). */
  constructor(
    loaded: LoadedWorld,
    kinds: OperatorKinds,
    onPoison: (runId: string, error: unknown) => void,
    renderKey: RenderKeyWith = (_spec, _run, template) => template,
  ) {
    this.variables = new Variables(loaded.variables, (change) => this.pending.variable(change));
    this.renderKey = (spec, run, template) => renderKey(spec, run, template, this.variables.values);
    this.backlog = new Backlog(kinds);
    this.onPoison = onPoison;
    this.installationId = loaded.installationId;
    this.known = new KnownDags(loaded);
    for (const [pool, slots] of Object.entries(loaded.pools)) this.pools.set(pool, slots);
    this.queues = new RunQueues(loaded.backfills, {
      isPaused: (dagId) => this.planner.isPaused(dagId),
      isAwaited: (runId) => this.pasts.isAwaited(runId),
      isAnyAwaited: () => this.pasts.isAnyAwaited,
      wrote: (before, after) => this.pending.backfill(before, after),
    });
    this.planner = new Planner(loaded, this.surroundings());
    const rowsOf = rowsByRun(loaded);
    for (const run of loaded.runs) {
      if (run.quarantine !== null) continue;
      try {
        const rows = rowsOf(run);
        // Of a backfill's runs that wait only what is owed is read at once; the rest when they start (rule 33).
        const isLoaded = run.state !== "queued" || run.backfillId === null || rows.tasks.length > 0;
        this.addRun(rows, isLoaded);
      } catch (error) {
        this.pending.run(run, { ...run, quarantine: reasonOf(error) });
        onPoison(run.runId, error);
      }
    }
    for (const { backfillId, updatedAt } of loaded.backfills) this.queues.complete(backfillId, updatedAt);
  }

  /** Takes a run into memory with its rows; those of an earlier time may be read later (`isLoaded` false). */
  addRun(rows: RunRows, isLoaded = true): ActiveRun {
    const dag = this.known.of(rows.run);
    const run = withConcurrencyKey(rows.run, dag.version.spec, this.renderKey);
    if (run !== rows.run) this.pending.run(rows.run, run);
    const active = activeRun({ ...rows, run }, dag);
    active.isLoaded = isLoaded;
    const earlier = this.runs.get(run.runId);
    if (earlier) this.forget(earlier);
    if (run.quarantine !== null) {
      this.onPoison(run.runId, run.quarantine);
      return active;
    }
    this.runs.set(run.runId, active);
    this.queues.add(active);
    active.nodes.forEach((node, position) => {
      this.backlog.moved(active, position, null, node);
      this.touched.add(active, position);
    });
    for (const taskAt of active.mapped.keys()) this.backlog.mapped(active, taskAt);
    this.timeouts.watch(active);
    this.pasts.entered(active);
    return active;
  }

  /** A new or relabelled run enters: `before` is its row as stored, null when it is new. */
  enterRun(before: DagRun | null, rows: RunRows, isLoaded = true): void {
    const run = withConcurrencyKey(rows.run, this.known.of(rows.run).version.spec, this.renderKey, before);
    this.addRun({ ...rows, run }, isLoaded);
    this.pending.run(before, run);
  }

  decideTask(key: TaskKey, event: TaskEvent, context: DecisionContext): void {
    const active = this.runs.get(key.runId);
    const position = active && placeOf(active, key);
    if (!active || position === undefined || active.nodes.length === 0) return;
    this.decide(active, context, (draft) => decideTask(draft, position, event, context));
  }

  decideRun(runId: string, event: RunEvent, context: DecisionContext): void {
    const active = this.runs.get(runId);
    if (active) this.decide(active, context, (draft) => decideRun(draft, event, context));
  }

  /** A decision that throws is our bug: it changes nothing, and its run is put aside so that the others go on. */
  private decide(active: ActiveRun, context: DecisionContext, decision: (draft: RunDraft) => void): void {
    // What was decided before it in the same pass may have put it aside.
    if (active.isGone) return;
    const draft = new RunDraft(active, this.isFollowed);
    try {
      decision(draft);
    } catch (error) {
      this.quarantine(active.run.runId, reasonOf(error));
      this.onPoison(active.run.runId, error);
      return;
    }
    this.apply(draft, context);
  }

  /** Whether some task follows this job: a person may have told it to. */
  private readonly isFollowed = (ref: Json): boolean => isFollowed(this.runs.values(), ref);

  /** Starts runs that may start, about `maxNewRowsPerFlush` rows at a time (rule 6). */
  startRuns(context: DecisionContext): void {
    for (const { runId, ...end } of this.queues.conflicts(context.now)) this.decideRun(runId, end, context);
    for (const next of this.queues.startable(context.now)) {
      if (this.derived.rows >= context.settings.maxNewRowsPerFlush) return;
      this.derived.rows += next.dag.tasks.length;
      this.decideRun(next.run.runId, { kind: "start" }, context);
    }
  }

  /** Runs that may start but for the rows they had before: the shell reads them and hands them over. */
  unloaded(now: number): string[] {
    return this.queues.unloaded(now).map(({ run }) => run.runId);
  }

  /** What was read of a run that waits; of its own row memory knows more. */
  load(rows: RunRows): void {
    const active = this.runs.get(rows.run.runId);
    if (active && !active.isLoaded) this.addRun({ ...rows, run: active.run });
  }

  /** Ends runs that have used up their time. */
  endOverdueRuns(context: DecisionContext): void {
    for (const { run, dag } of this.timeouts.take(context.now)) {
      const why = `took longer than its run_timeout of ${formatDuration(dag.version.spec.runTimeoutMs ?? 0)}`;
      this.decideRun(run.runId, { kind: "end", cause: "run_timeout", by: "engine", why }, context);
    }
  }

  /** Makes instances of mapped tasks, about `maxNewRowsPerFlush` at a time (rule 6). */
  makeInstances(context: DecisionContext): void {
    for (const { active, position: taskAt } of [...this.backlog.growing]) {
      const most = context.settings.maxNewRowsPerFlush - this.derived.rows;
      if (most <= 0) return;
      const before = active.mapped.get(taskAt)?.made ?? 0;
      this.decideRun(active.run.runId, { kind: "map", taskAt, most }, context);
      this.derived.rows += (active.mapped.get(taskAt)?.made ?? 0) - before;
    }
  }

  /** Looks again at tasks that wait for the run before theirs, where that has changed or has just been read. */
  followPasts(context: DecisionContext): void {
    for (const { run } of this.pasts.take()) this.decideRun(run.runId, { kind: "past" }, context);
  }

  /** Whether more is to be made or rendered although nothing happens, and the flush that gathers has room for it. */
  hasMore({ maxNewRowsPerFlush: most }: EngineSettings): boolean {
    const { growing, unprepared } = this.backlog;
    if (this.pasts.hasChanged) return true;
    return (growing.size > 0 && this.derived.rows < most) || (unprepared.size > 0 && this.derived.rendered < most);
  }

  /**
   * The next tasks to render, about as many as a flush takes, over however many turns it gathers (rule 6): one run must not
   * keep the writer from the others.
   */
  takeUnprepared({ maxNewRowsPerFlush }: EngineSettings): Candidate[] {
    const candidates = this.backlog.nextUnprepared(maxNewRowsPerFlush - this.derived.rendered);
    this.derived.rendered += candidates.length;
    return candidates;
  }

  /** When the next run may start that only waits for its time, or has used it up. */
  get nextStartAt(): number {
    return Math.min(this.queues.nextStartAt, this.timeouts.nextAt);
  }

  /**
   * Writes launch intents for prepared tasks, as far as pools and the limit of launches under way allow. Answers whether one
   * of them has ended by that already.
   */
  admit(context: DecisionContext): boolean {
    const { ready, slots, reserved } = this.backlog;
    if (ready.size === 0) return false;
    const launches = context.settings.maxNewRowsPerFlush - this.pending.newAttempts;
    const requests = this.backlog.roomFor(context.settings.maxSubmits);
    const isPaused = (dagId: string): boolean => this.planner.isPaused(dagId);
    const room = { pools: this.pools, slots, launches, ...requests, isPaused, reserved };
    let hasEnded = false;
    for (const { active, position } of admissible(ready, room)) {
      this.decide(active, context, (draft) => decideTask(draft, position, { kind: "admitted" }, context));
      hasEnded ||= isFinished(active.nodes[position]?.task.state ?? "none");
    }
    return hasEnded;
  }

  /** What has gathered since the last call; null when nothing has. */
  takePending(): { readonly batch: PendingFlush; readonly touched: readonly Touched[] } | null {
    this.derived = { rows: 0, rendered: 0 };
    if (this.pending.isEmpty && this.touched.isEmpty) return null;
    const taken = { batch: this.pending, touched: this.touched.take() };
    this.pending = new PendingFlush();
    return taken;
  }

  /** Whether a task has changed since the last call of takePending. */
  isTouched(task: Touched): boolean {
    return this.touched.has(task);
  }

  get gathered(): PendingFlush {
    return this.pending;
  }

  /** Whether nothing is going on: no run waits or runs, and no bill is open. A late search for duplicates may still come. */
  get isSettled(): boolean {
    for (const active of this.runs.values()) {
      if (!isRunFinished(active.run.state) || awaitsBill(active)) return false;
    }
    return true;
  }

  /** Makes a new version the DAG's current one. */
  enterVersion(publication: DagVersionToPublish): void {
    const { version } = publication;
    this.known.enter(version);
    for (const [pool, { slots }] of Object.entries(version.spec.pools)) this.pools.set(pool, slots);
    this.queues.limit(version.dagId, version.spec.maxActiveRuns);
    this.pending.publish(publication);
    this.planner.published(version.spec);
  }

  /** How many slots a pool has from now on; what holds one goes on. Answers how many it had; null: no DAG has named it. */
  setPool(pool: string, slots: number): number | null {
    const before = this.pools.get(pool);
    if (before === undefined) return null;
    if (before !== slots) this.pending.pool(pool, slots);
    this.pools.set(pool, slots);
    return before;
  }

  /** Puts a run aside: nothing more is decided about it until a person releases it (rule 7). */
  quarantine(runId: string, why: string): void {
    const active = this.runs.get(runId);
    if (!active) return;
    this.pending.run(active.run, { ...active.run, quarantine: why });
    this.forget(active);
    this.planner.madeRoom(active.run.dagId);
  }

  /** The run's row as the last flush has it: memory may know more by now, or have let the run go. */
  sentRun(runId: string): DagRun | undefined {
    return this.pending.runBefore(runId) ?? this.runs.get(runId)?.run;
  }

  /** Lets go of a run whose rows the database would not take; its quarantine is written by whoever found out. */
  drop(runId: string): void {
    const active = this.runs.get(runId);
    if (active) this.forget(active);
  }

  private apply(draft: RunDraft, context: DecisionContext): void {
    const { active } = draft;
    this.pending.take(draft, active);
    const rare = draft.rareIfAny;
    for (const event of rare?.assetEvents ?? []) this.planner.assets.happened(event);
    const { state: before } = active.run;
    active.run = draft.run;
    active.openTasks = draft.openTasks;
    active.spent = draft.spent;
    if (draft.started) {
      active.nodes = [...draft.started];
      active.unstored = null;
      draft.started.forEach((_, position) => this.touched.add(active, position));
    }
    for (const [taskAt, mapped] of rare?.mapped ?? []) active.mapped.set(taskAt, mapped);
    for (const [position, drafted] of draft.nodes) {
      const before = active.nodes[position] ?? null;
      const node = kept(drafted);
      active.nodes[position] = node;
      active.unstored?.delete(position);
      this.backlog.moved(active, position, before, node);
      this.touched.add(active, position);
    }
    for (const taskAt of active.mapped.keys()) this.backlog.mapped(active, taskAt);
    for (const position of rare?.outputsGone ?? []) active.outputs.delete(position);
    for (const [position, output] of rare?.outputs ?? []) active.outputs.set(position, output);
    keepDebts(draft);
    // A person opened it again: it waits for its turn, or is at work already.
    if (isRunFinished(before) && !isRunFinished(active.run.state)) {
      this.queues.add(active);
      this.timeouts.watch(active);
      this.pasts.entered(active);
    }
    if (before === "queued" && active.run.state === "running") {
      this.queues.started(active);
      this.timeouts.watch(active);
      this.pasts.began(active);
    }
    this.pasts.moved(active);
    if (!isRunFinished(active.run.state)) return;
    if (!isRunFinished(before)) this.planner.ended(active, context);
    this.leave(active, context);
  }

  private surroundings(): ConstructorParameters<typeof Planner>[1] {
    const gathered = (): PendingFlush => this.pending;
    return {
      currentDag: (dagId) => this.known.current(dagId),
      activeRun: (runId) => this.runs.get(runId),
      waitingRuns: (dagId) => this.queues.waitingRuns(dagId),
      hasAssetRun: (dagId) => this.queues.hasAssetRun(dagId),
      hasOpenRun: (dagId) => this.queues.hasOpenRun(dagId),
      enterRun: (run) => this.enterRun(null, bareRun(run)),
      get gathered() {
        return gathered();
      },
    };
  }

  /** A run that has ended makes room; it leaves memory once it owes nothing. */
  private leave(active: ActiveRun, context: DecisionContext): void {
    this.queues.ended(active, context.now);
    this.pasts.left(active);
    const owes = ({ attempt }: Node): boolean => attempt !== null && hasDebts(attempt);
    if (active.settling.size === 0 && !active.nodes.some(owes)) this.forget(active);
  }

  private forget(active: ActiveRun): void {
    this.queues.remove(active);
    this.pasts.left(active);
    active.nodes.forEach((node, position) => this.backlog.moved(active, position, node, null));
    this.runs.delete(active.run.runId);
    active.isGone = true;
    for (const taskAt of active.mapped.keys()) this.backlog.mapped(active, taskAt);
  }

  /** A new backfill, before its runs enter. */
  enterBackfill(backfill: Backfill): void {
    this.queues.enterBackfill(backfill);
  }

  /** A backfill whose runs have all been left alone or have ended is complete. */
  completeBackfill(backfillId: string, now: number): void {
    this.queues.complete(backfillId, now);
  }

  /** No run of it begins, or again. false: it was so already. null: it has ended. */
  pauseBackfill(backfillId: string, isPaused: boolean, now: number): boolean | null {
    return this.queues.pauseBackfill(backfillId, isPaused, now);
  }

  /** Ends a backfill: its runs that wait have failed, those that run go on. How many waited; null: it has ended. */
  cancelBackfill(backfillId: string, by: string, context: DecisionContext): number | null {
    const waiting = this.queues.cancelBackfill(backfillId, context.now);
    for (const { run } of waiting ?? []) this.decideRun(run.runId, { kind: "end", cause: "cancel", by }, context);
    return waiting && waiting.length;
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
