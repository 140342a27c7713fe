import type { ActiveRun } from "./active-run.ts";

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

  constructor(limit: number, { isBackwards = false, isPaused = false } = {}) {
    this.limit = limit;
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
    return this.coming[0] ?? null;
  }

  /** The runs for which there is room, in the order in which they start. */
  get coming(): readonly ActiveRun[] {
    const room = this.limit - this.running.size;
    if (this.isPaused || room <= 0) return [];
    if (!this.isSorted) {
      const { direction } = this;
      this.waiting.sort(
        (a, b) => direction * (a.run.runAfterAt - b.run.runAfterAt || (a.run.runId < b.run.runId ? -1 : 1)),
      );
      this.isSorted = true;
    }
    return this.waiting.slice(0, room);
  }

  get waitingRuns(): number {
    return this.waiting.length;
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
