import type { ActiveRun } from "./active-run.ts";

/** The runs of one backfill, or of one DAG outside backfills: at most `limit` at a time, oldest logical date first. */
export class RunQueue {
  limit: number;
  private readonly waiting: ActiveRun[] = [];
  private readonly running = new Set<string>();
  private isSorted = true;

  constructor(limit: number) {
    this.limit = limit;
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
    if (this.running.size >= this.limit) return null;
    if (!this.isSorted) {
      this.waiting.sort((a, b) => a.run.runAfterAt - b.run.runAfterAt || (a.run.runId < b.run.runId ? -1 : 1));
      this.isSorted = true;
    }
    return this.waiting[0] ?? null;
  }

  get waitingRuns(): number {
    return this.waiting.length;
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0 && this.running.size === 0;
  }
}
