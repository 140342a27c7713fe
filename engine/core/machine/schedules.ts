import { Agenda } from "../agenda.ts";
import type { Instant } from "../json.ts";
import type { DagState } from "../records.ts";

/** The DAGs' states, and when each schedule is to be looked at next. */
export class Schedules {
  private readonly states = new Map<string, DagState>();
  private readonly agenda = new Agenda<string>();
  /** When each DAG is looked at; other entries of the agenda are stale. */
  private readonly lookAt = new Map<string, Instant>();

  /** What was never looked at is looked at now, but for DAGs that have no schedule. */
  constructor(states: readonly DagState[], unscheduled: ReadonlySet<string> = new Set()) {
    for (const state of states) {
      const isNew = state.scheduledUntil === null && state.nextDueAt === null;
      this.put(state, isNew && !unscheduled.has(state.dagId));
    }
  }

  state(dagId: string): DagState | null {
    return this.states.get(dagId) ?? null;
  }

  isPaused(dagId: string): boolean {
    return this.states.get(dagId)?.isPaused === true;
  }

  /** `lookNow`: its schedule may have changed, what was due before says nothing. */
  put(state: DagState, lookNow = false): void {
    const { dagId, nextDueAt } = state;
    this.states.set(dagId, state);
    this.lookAt.delete(dagId);
    if (state.isPaused || state.isStale) return;
    // No tick is ahead: there is nothing to look at until somebody changes the DAG.
    const at = lookNow ? 0 : nextDueAt;
    if (at !== null) this.look(dagId, at);
  }

  /** What it counts has changed, and nothing about when it is looked at. */
  count(state: DagState): void {
    this.states.set(state.dagId, state);
  }

  private look(dagId: string, at: Instant): void {
    this.lookAt.set(dagId, at);
    this.agenda.add(at, dagId);
  }

  /** At most `most` DAGs to plan at `now`, the longest due first; each is put again with its plan. */
  take(now: Instant, most: number): DagState[] {
    const due: DagState[] = [];
    for (const dagId of this.agenda.take(now, most)) {
      const at = this.lookAt.get(dagId);
      if (at === undefined || at > now) continue;
      this.lookAt.delete(dagId);
      const state = this.states.get(dagId);
      if (state) due.push(state);
    }
    return due;
  }

  /** Whether more of its schedule is to be planned at `now`. */
  isDue(dagId: string, now: Instant): boolean {
    return (this.lookAt.get(dagId) ?? Infinity) <= now;
  }

  get nextAt(): Instant {
    return this.agenda.nextAt;
  }
}
