import type { ActiveRun } from "./active-run.ts";
import { concurrencyKeyOf } from "./concurrency.ts";

/** What a queue asks about a run that waits. */
interface Questions {
  /** Another run under way has its concurrency key: those behind it may go before it. */
  readonly isBarred: (active: ActiveRun) => boolean;
  /** A run under way waits for it: it starts beyond the limit, else neither would ever go on. */
  readonly isAwaited: (active: ActiveRun) => boolean;
  /** Whether that is so of any run at all. */
  readonly isAnyAwaited: () => boolean;
}

/** The runs of one backfill, or of one DAG outside backfills: at most `limit` at a time, oldest logical date first. */
export class RunQueue {
  limit: number;
  /** Nothing of it begins. */
  isPaused: boolean;
  /** 1: the oldest date first; -1: the newest. */
  private readonly direction: 1 | -1;
  private waiting: ActiveRun[] = [];
  private readonly running = new Set<string>();
  private isSorted = true;
  private readonly questions: Questions;

  constructor(limit: number, questions: Questions, { isBackwards = false, isPaused = false } = {}) {
    this.limit = limit;
    this.questions = questions;
    this.direction = isBackwards ? -1 : 1;
    this.isPaused = isPaused;
  }

  add(active: ActiveRun): void {
    if (active.run.state === "running") this.running.add(active.run.runId);
    else if (active.run.state === "queued") {
      this.waiting.push(active);
      this.isSorted = false;
    }
  }

  started(active: ActiveRun): void {
    this.remove(active);
    this.running.add(active.run.runId);
  }

  remove(active: ActiveRun): void {
    this.running.delete(active.run.runId);
    const index = this.waiting.indexOf(active);
    if (index >= 0) this.waiting.splice(index, 1);
  }

  /** The next run that may start at `now`, if there is room. */
  next(now: number): ActiveRun | null {
    const { first } = this;
    return first && first.run.runAfterAt <= now ? first : null;
  }

  /** The run that starts next, once its time has come; null: none waits, or there is no room. */
  get first(): ActiveRun | null {
    return this.upTo(1)[0] ?? null;
  }

  /** The runs for which there is room, in the order in which they start. */
  get coming(): readonly ActiveRun[] {
    return this.upTo(Infinity);
  }

  private upTo(most: number): readonly ActiveRun[] {
    if (this.isPaused || this.waiting.length === 0) return [];
    const room = Math.min(most, Math.max(0, this.limit - this.running.size));
    if (!this.isSorted) {
      const { direction } = this;
      this.waiting.sort(
        (a, b) => direction * (a.run.runAfterAt - b.run.runAfterAt || (a.run.runId < b.run.runId ? -1 : 1)),
      );
      this.isSorted = true;
    }
    const { isBarred, isAwaited, isAnyAwaited } = this.questions;
    const coming: ActiveRun[] = [];
    const keys = new Set<string>();
    for (const active of room > 0 ? this.waiting : []) {
      if (coming.length >= room) break;
      const key = concurrencyKeyOf(active);
      if (key !== null && (keys.has(key) || isBarred(active))) continue;
      if (key !== null) keys.add(key);
      coming.push(active);
    }
    return coming.length > 0 || !isAnyAwaited()
      ? coming
      : this.waiting.filter((active) => isAwaited(active) && !isBarred(active)).slice(0, 1);
  }

  get waitingRuns(): number {
    return this.waiting.length;
  }

  /** Whether a run that changed assets made waits for its turn. */
  get hasAssetRun(): boolean {
    return this.waiting.some(({ run }) => run.runType === "asset_triggered");
  }

  /** Takes all that wait out of the queue. */
  takeWaiting(): readonly ActiveRun[] {
    const taken = this.waiting;
    this.waiting = [];
    return taken;
  }

  /** Whether a run is under way, or one that the schedule made waits. */
  get hasOpenRun(): boolean {
    return this.running.size > 0 || this.waiting.some(({ run }) => run.runType === "scheduled");
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0 && this.running.size === 0;
  }
}
