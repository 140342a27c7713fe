import type { ActiveRun } from "./active-run.ts";

/** A task, or an instance of a mapped one, at its place in its run. */
export interface Candidate {
  readonly active: ActiveRun;
  readonly position: number;
}

/** Places of runs in the order in which they came. By the run itself: a name for each would have to be made at every look. */
export class Places {
  private readonly known = new Map<ActiveRun, Map<number, Candidate>>();
  private readonly inOrder = new Set<Candidate>();

  add(active: ActiveRun, position: number): void {
    const own = this.known.get(active) ?? new Map<number, Candidate>();
    if (own.has(position)) return;
    if (own.size === 0) this.known.set(active, own);
    const candidate = { active, position };
    own.set(position, candidate);
    this.inOrder.add(candidate);
  }

  delete(active: ActiveRun, position: number): void {
    const own = this.known.get(active);
    const candidate = own?.get(position);
    if (!own || !candidate) return;
    own.delete(position);
    if (own.size === 0) this.known.delete(active);
    this.inOrder.delete(candidate);
  }

  /** Adds or deletes it. */
  keep(active: ActiveRun, position: number, isIn: boolean): void {
    if (isIn) this.add(active, position);
    else this.delete(active, position);
  }

  has(active: ActiveRun, position: number): boolean {
    return this.known.get(active)?.has(position) ?? false;
  }

  get size(): number {
    return this.inOrder.size;
  }

  [Symbol.iterator](): IterableIterator<Candidate> {
    return this.inOrder[Symbol.iterator]();
  }
}
