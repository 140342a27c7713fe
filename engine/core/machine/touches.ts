import type { ActiveRun } from "./active-run.ts";
import type { Candidate } from "./places.ts";

/** A task whose rows changed: the shell asks what it owes once the change is durable. */
export type Touched = Candidate;

/** The tasks that have changed and are in no flush yet. */
export class Touches {
  private readonly places = new Map<ActiveRun, Set<number>>();

  add(active: ActiveRun, position: number): void {
    const known = this.places.get(active);
    if (known) known.add(position);
    else this.places.set(active, new Set([position]));
  }

  has({ active, position }: Touched): boolean {
    return this.places.get(active)?.has(position) ?? false;
  }

  get isEmpty(): boolean {
    return this.places.size === 0;
  }

  take(): Touched[] {
    const taken: Touched[] = [];
    for (const [active, positions] of this.places) for (const position of positions) taken.push({ active, position });
    this.places.clear();
    return taken;
  }
}
