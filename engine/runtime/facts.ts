import type { TaskEvent } from "../core/machine/events.ts";
import type { TaskKey } from "../core/records.ts";

/** Something that happened to a task, on its way to the machine. */
export interface Fact {
  readonly key: TaskKey;
  readonly event: TaskEvent;
}

/**
 * Events that wait for a turn. Those that cannot be learnt again (what a submit answered) are kept until a flush with them
 * was acknowledged, and come again after a reload (protocol rule 8).
 */
export class Facts {
  private waiting: Fact[] = [];
  private taken: Fact[] = [];

  add(fact: Fact): void {
    this.waiting.push(fact);
  }

  take(): readonly Fact[] {
    this.taken = this.waiting;
    this.waiting = [];
    return this.taken;
  }

  /** The turn that took them is durable. Answers them. */
  acknowledged(): readonly Fact[] {
    const durable = this.taken;
    this.taken = [];
    return durable;
  }

  /** Memory was dropped: what only we know comes again, the rest will be observed anew. */
  afterReload(): void {
    const known = [...this.taken, ...this.waiting].filter(({ event }) => event.kind === "submitted");
    this.waiting = known;
    this.taken = [];
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }
}
