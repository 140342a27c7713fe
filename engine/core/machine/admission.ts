import type { ActiveRun } from "./active-run.ts";

/** A prepared task that waits for a slot. */
export interface Candidate {
  readonly active: ActiveRun;
  readonly position: number;
}

export interface Room {
  /** Slots of each pool, and how many are held. */
  readonly slots: ReadonlyMap<string, number>;
  readonly held: ReadonlyMap<string, number>;
  /** How many more launches may be under way. */
  readonly launches: number;
  /** Whether a task of this operator only waits: it holds no slot (rule 22). */
  readonly isSensor: (operator: string) => boolean;
  /** Whether nothing of this DAG is begun but teardowns. */
  readonly isPaused: (dagId: string) => boolean;
}

const priorityOf = ({ active, position }: Candidate): number => active.dag.tasks[position]?.priority ?? 1;

/** Higher priority first, backfills after all others of theirs, then the older run, then the order of the file. */
function byUrgency(a: Candidate, b: Candidate): number {
  const [left, right] = [a.active.run, b.active.run];
  return (
    priorityOf(b) - priorityOf(a) ||
    Number(left.backfillId !== null) - Number(right.backfillId !== null) ||
    left.runAfterAt - right.runAfterAt ||
    (left.runId < right.runId ? -1 : left.runId > right.runId ? 1 : a.position - b.position)
  );
}

/**
 * Which of the waiting tasks may be launched now. A task whose pool is full is passed over, one of lower priority in
 * another pool may go. Teardowns are exempt from pools (protocol rule 25).
 */
export function admissible(candidates: readonly Candidate[], room: Room): Candidate[] {
  const held = new Map(room.held);
  const admitted: Candidate[] = [];
  for (const candidate of [...candidates].sort(byUrgency)) {
    const spec = candidate.active.dag.tasks[candidate.position];
    const isTeardown = spec !== undefined && spec.teardownOf.length > 0;
    if (!isTeardown && (admitted.length >= room.launches || room.isPaused(candidate.active.run.dagId))) continue;
    if (spec && spec.pool !== null && spec.teardownOf.length === 0 && !room.isSensor(spec.operator)) {
      const taken = held.get(spec.pool) ?? 0;
      if (taken + spec.poolSlots > (room.slots.get(spec.pool) ?? 0)) continue;
      held.set(spec.pool, taken + spec.poolSlots);
    }
    admitted.push(candidate);
  }
  return admitted;
}
