import type { Backfill } from "../records.ts";
import type { ActiveRun } from "./active-run.ts";
import { Concurrency, type Conflict } from "./concurrency.ts";
import { RunQueue } from "./run-queue.ts";

/** What the queues need of the world around them. */
interface Surroundings {
  /** Of a paused DAG no run begins. */
  isPaused(dagId: string): boolean;
  /** A run under way waits for this one. */
  isAwaited(runId: string): boolean;
  isAnyAwaited(): boolean;
  /** A backfill is new (`before` null) or has changed. */
  wrote(before: Backfill | null, after: Backfill): void;
}

/** Which run starts next: those of a DAG wait in one queue, and those of each backfill in another, with its own limit. */
export class RunQueues {
  private readonly queues = new Map<string, RunQueue>();
  /** Those that have not ended. */
  private readonly backfills = new Map<string, Backfill>();
  private readonly concurrency = new Concurrency();
  private readonly world: Surroundings;

  constructor(backfills: readonly Backfill[], world: Surroundings) {
    this.world = world;
    for (const backfill of backfills) this.backfills.set(backfill.backfillId, backfill);
  }

  add(active: ActiveRun): void {
    this.of(active).add(active);
    this.concurrency.add(active);
  }

  started(active: ActiveRun): void {
    this.of(active).started(active);
    this.concurrency.started(active);
  }

  remove(active: ActiveRun): void {
    this.queues.get(keyOf(active))?.remove(active);
    this.concurrency.remove(active);
  }

  /** A run has ended; its backfill may be complete with it. */
  ended(active: ActiveRun, now: number): void {
    this.remove(active);
    if (active.run.backfillId !== null) this.complete(active.run.backfillId, now);
  }

  /** The runs to end at `now` because of their concurrency keys. */
  conflicts(now: number): Conflict[] {
    return this.concurrency.conflicts(now, (active) => this.mayStart(active) && !this.of(active).isPaused);
  }

  /** The runs that may start at `now`, queue by queue; asked again after each start, since there is less room then. */
  *startable(now: number): Generator<ActiveRun> {
    for (const queue of this.queues.values()) {
      for (let next = queue.next(now); next && this.mayStart(next) && next.isLoaded; next = queue.next(now)) {
        yield next;
        // Whoever asked did not start it: it would be offered for ever.
        if (queue.next(now) === next) break;
      }
    }
  }

  /** Runs that may start at `now` but for the rows they had before, which are still to be read. */
  unloaded(now: number): ActiveRun[] {
    return [...this.queues.values()].flatMap((queue) =>
      queue.coming.filter((active) => !active.isLoaded && active.run.runAfterAt <= now && this.mayStart(active)),
    );
  }

  /** When the next run may start that only waits for its time. */
  get nextStartAt(): number {
    let at = Infinity;
    for (const { first } of this.queues.values())
      if (first && this.mayStart(first)) at = Math.min(at, first.run.runAfterAt);
    return at;
  }

  private mayStart({ run }: ActiveRun): boolean {
    return !this.world.isPaused(run.dagId);
  }

  /** How many runs of a DAG may run side by side outside backfills. */
  limit(dagId: string, maxActiveRuns: number): void {
    const queue = this.queues.get(dagId);
    if (queue) queue.limit = maxActiveRuns;
  }

  /** How many runs of the DAG wait for their turn, those of backfills aside. */
  waitingRuns(dagId: string): number {
    return this.queues.get(dagId)?.waitingRuns ?? 0;
  }

  /** Whether a run of the DAG that changed assets made waits for its turn. */
  hasAssetRun(dagId: string): boolean {
    return this.queues.get(dagId)?.hasAssetRun ?? false;
  }

  /** Whether a run of the DAG is under way, or one of its schedule waits; those of backfills aside. */
  hasOpenRun(dagId: string): boolean {
    return this.queues.get(dagId)?.hasOpenRun ?? false;
  }

  enterBackfill(backfill: Backfill): void {
    this.backfills.set(backfill.backfillId, backfill);
    this.world.wrote(null, backfill);
  }

  /** false: it was so already. null: it has ended, or there is none. What runs goes on. */
  pauseBackfill(backfillId: string, isPaused: boolean, now: number): boolean | null {
    const backfill = this.backfills.get(backfillId);
    if (!backfill) return null;
    if (backfill.isPaused === isPaused) return false;
    const after = { ...backfill, isPaused, updatedAt: now };
    this.backfills.set(backfillId, after);
    this.world.wrote(backfill, after);
    const queue = this.queues.get(backfillId);
    if (queue) queue.isPaused = isPaused;
    return true;
  }

  /** Ends a backfill and answers its runs that wait, which the caller ends; what runs goes on. null: it has ended. */
  cancelBackfill(backfillId: string, now: number): readonly ActiveRun[] | null {
    const backfill = this.backfills.get(backfillId);
    if (!backfill) return null;
    this.world.wrote(backfill, { ...backfill, state: "cancelled", updatedAt: now, completedAt: now });
    this.backfills.delete(backfillId);
    const waiting = this.queues.get(backfillId)?.takeWaiting() ?? [];
    this.complete(backfillId, now);
    return waiting;
  }

  /** A backfill is complete once none of its runs waits or runs. */
  complete(backfillId: string, now: number): void {
    if (!(this.queues.get(backfillId)?.isEmpty ?? true)) return;
    this.queues.delete(backfillId);
    const backfill = this.backfills.get(backfillId);
    if (!backfill) return;
    this.backfills.delete(backfillId);
    this.world.wrote(backfill, { ...backfill, state: "completed", updatedAt: now, completedAt: now });
  }

  private readonly questions = {
    isBarred: (active: ActiveRun): boolean => this.concurrency.isTaken(active),
    isAwaited: ({ run }: ActiveRun): boolean => this.world.isAwaited(run.runId),
    isAnyAwaited: (): boolean => this.world.isAnyAwaited(),
  };

  private of(active: ActiveRun): RunQueue {
    const key = keyOf(active);
    const known = this.queues.get(key);
    if (known) return known;
    const backfill = this.backfills.get(key);
    const queue = new RunQueue(backfill?.maxActiveRuns ?? active.dag.version.spec.maxActiveRuns, this.questions, {
      isBackwards: backfill?.runsBackwards ?? false,
      isPaused: backfill?.isPaused ?? false,
    });
    this.queues.set(key, queue);
    return queue;
  }
}

const keyOf = ({ run }: ActiveRun): string => run.backfillId ?? run.dagId;
