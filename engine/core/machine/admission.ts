import type { TaskSpec } from "../dag.ts";
import type { ActiveRun } from "./active-run.ts";
import type { Candidate } from "./places.ts";
import { byUrgency, type Lane, type Rank, type ReadyTasks } from "./ready-tasks.ts";
import { serviceOf, type Slots } from "./slots.ts";

export interface Room {
  /** Slots of each pool. */
  readonly pools: ReadonlyMap<string, number>;
  /** What is at work; as it was again when the pass is over. */
  readonly slots: Slots;
  /** How many launches are begun at most. */
  readonly launches: number;
  /** How many more requests may be under way: those of launches that send one. */
  readonly requests: number;
  /** How many more of them the service of a task may be given. */
  readonly requestsOf: (spec: TaskSpec) => number;
  /** Whether nothing of this DAG is begun but teardowns. */
  readonly isPaused: (dagId: string) => boolean;
  readonly reserved: Reservations;
}

/** What keeps a task from a slot. */
export type Stop =
  | { readonly kind: "run" | "task" | "lane"; readonly limit: number; readonly held: number }
  | {
      readonly kind: "pool";
      readonly pool: string;
      readonly slots: number;
      readonly held: number;
      readonly needs: number;
    };

/** The tasks that need several slots of a pool and wait for them, and how many went to others past the first of them. */
interface Aspirants {
  readonly lanes: Set<Lane>;
  first: Lane | null;
  passedBy: number;
}

/**
 * Lets a task that needs several slots of its pool come to its turn: a task that needs one fits as soon as any is free. Others
 * go past it until the pool has been handed out once over its head; from then on slots that come free are kept for it from
 * all that is not more urgent. One task of a pool at a time, the most urgent, then who has waited longest.
 */
export class Reservations {
  private readonly byPool = new Map<string, Aspirants>();

  /** Forgets who waits no more, or for something else than its pool. */
  refresh(room: Pick<Room, "slots" | "pools" | "isPaused" | "requestsOf">): void {
    for (const aspirants of this.byPool.values()) {
      for (const lane of aspirants.lanes) {
        const stop = lane.places.length === 0 ? null : stopOf(lane, room);
        const isOver = lane.places.length === 0 || room.isPaused(lane.keys.dag) || room.requestsOf(lane.spec) <= 0;
        if (isOver || (stop !== null && !waitsForPool(stop))) leave(aspirants, lane);
      }
    }
  }

  /** Whether a slot of the pool may go to this task although another waits for it. */
  allows(lane: Lane, slots: number): boolean {
    const { first, passedBy } = this.byPool.get(lane.keys.pool ?? "") ?? { first: null, passedBy: 0 };
    return first === null || first === lane || passedBy < slots || byUrgency(lane.rank, first.rank) < 0;
  }

  /** Only its pool stops the task. */
  wants(lane: Lane, pool: string): void {
    if (lane.spec.poolSlots === 1) return;
    const aspirants = this.byPool.get(pool) ?? { lanes: new Set(), first: null, passedBy: 0 };
    this.byPool.set(pool, aspirants);
    aspirants.lanes.add(lane);
    if (aspirants.first !== null && byUrgency(lane.rank, aspirants.first.rank) >= 0) return;
    aspirants.first = lane;
    aspirants.passedBy = 0;
  }

  /** The task got slots of its pool. */
  took(lane: Lane): void {
    const aspirants = this.byPool.get(lane.keys.pool ?? "");
    if (!aspirants) return;
    const { first } = aspirants;
    if (first !== null && first !== lane && byUrgency(lane.rank, first.rank) >= 0) {
      aspirants.passedBy += lane.spec.poolSlots;
    }
    leave(aspirants, lane);
  }
}

function leave(aspirants: Aspirants, lane: Lane): void {
  aspirants.lanes.delete(lane);
  if (aspirants.first !== lane) return;
  aspirants.passedBy = 0;
  aspirants.first = null;
  for (const each of aspirants.lanes) {
    if (aspirants.first === null || byUrgency(each.rank, aspirants.first.rank) < 0) aspirants.first = each;
  }
}

/** Whether it is its pool alone that stops a task, and one that has slots enough once they are free. */
const waitsForPool = (stop: Stop): boolean => stop.kind === "pool" && stop.needs <= stop.slots;

/** Which limit is reached for a task that is ready; null: none is. Sensors count only against what their own task names. */
export function stopOf(
  {
    keys,
    spec,
    active,
    isSensor,
  }: Pick<Lane, "keys" | "spec" | "isSensor"> & { readonly active: Pick<ActiveRun, "dag"> },
  { slots, pools }: Pick<Room, "slots" | "pools">,
): Stop | null {
  const { maxActiveTasks } = active.dag.version.spec;
  const atWork = slots.runs.get(keys.run) ?? 0;
  if (!isSensor && atWork >= maxActiveTasks) return { kind: "run", limit: maxActiveTasks, held: atWork };
  const { maxActivePerDag, forEach, poolSlots } = spec;
  if (maxActivePerDag !== null) {
    const held = slots.tasks.get(keys.task) ?? 0;
    if (held >= maxActivePerDag) return { kind: "task", limit: maxActivePerDag, held };
  }
  if (forEach && forEach.maxParallel !== null) {
    const held = slots.lanes.get(keys.lane ?? "") ?? 0;
    if (held >= forEach.maxParallel) return { kind: "lane", limit: forEach.maxParallel, held };
  }
  if (keys.pool === null || isSensor) return null;
  const size = pools.get(keys.pool) ?? 0;
  const held = slots.pools.get(keys.pool) ?? 0;
  if (held + poolSlots <= size) return null;
  return { kind: "pool", pool: keys.pool, slots: size, held, needs: poolSlots };
}

/**
 * Which of the waiting tasks are launched now. The most urgent first; among equals the DAG that holds the fewest slots, then
 * the older run, the order of the file, the map index. What does not fit is passed over. A task takes all it needs at once
 * or nothing, so whatever holds a slot ends without waiting for another: nothing can lock up.
 */
export function admissible(ready: ReadyTasks, room: Room): Candidate[] {
  const teardowns = [...ready.teardowns];
  const pass = new Pass(room, ready.instants);
  room.reserved.refresh(room);
  for (const rank of ready.ranks) {
    if (pass.isOver) break;
    pass.take(rank);
  }
  pass.giveBack();
  return [...teardowns, ...pass.admitted];
}

/** The waiting lanes of one DAG within one rank, and how far the pass has come in them. */
interface Turn {
  readonly lanes: readonly Lane[];
  laneAt: number;
  placeAt: number;
}

class Pass {
  readonly admitted: Candidate[] = [];
  private readonly taken: Lane[] = [];
  private readonly full = new Set<string>();
  /** By service: what this pass has given it. */
  private readonly launched = new Map<string, number>();
  private readonly room: Room;
  private requestsLeft: number;
  private instantsLeft: number;

  constructor(room: Room, instants: number) {
    this.room = room;
    this.requestsLeft = room.requests;
    this.instantsLeft = instants;
  }

  get isOver(): boolean {
    return this.admitted.length >= this.room.launches || (this.requestsLeft <= 0 && this.instantsLeft <= 0);
  }

  /** Hands out slots among equals, one at a time, to the DAG that holds the fewest. */
  take(rank: Rank): void {
    const { slots, isPaused } = this.room;
    // DAGs by what they hold: a DAG moves on by what it gets, so that no list is sorted anew.
    const waiting = new Map<number, Turn[]>();
    const wait = (turn: Turn): void => {
      const held = slots.dags.get(turn.lanes[0]?.keys.dag ?? "") ?? 0;
      const equals = waiting.get(held);
      if (equals) equals.push(turn);
      else waiting.set(held, [turn]);
    };
    for (const [dagId, lanes] of rank.dags) if (!isPaused(dagId)) wait({ lanes, laneAt: 0, placeAt: 0 });
    while (waiting.size > 0 && !this.isOver) {
      const fewest = Math.min(...waiting.keys());
      const turns = waiting.get(fewest) ?? [];
      waiting.delete(fewest);
      for (const turn of turns) if (!this.isOver && this.next(turn)) wait(turn);
    }
  }

  /** Admits the next that fits of one DAG; false: none of it does. */
  private next(turn: Turn): boolean {
    const { room } = this;
    for (; turn.laneAt < turn.lanes.length; turn.laneAt++, turn.placeAt = 0) {
      const lane = turn.lanes[turn.laneAt] as Lane;
      const position = lane.places[turn.placeAt];
      if (position === undefined || !this.fits(lane)) continue;
      room.slots.count(lane.keys, lane.spec, lane.isSensor, 1);
      if (lane.keys.pool !== null && !lane.isSensor) room.reserved.took(lane);
      this.taken.push(lane);
      this.countRequest(lane);
      this.admitted.push({ active: lane.active, position });
      turn.placeAt++;
      return true;
    }
    return false;
  }

  private countRequest({ isInstant, spec }: Lane): void {
    if (isInstant) {
      this.instantsLeft--;
      return;
    }
    this.requestsLeft--;
    const service = serviceOf(spec);
    this.launched.set(service, (this.launched.get(service) ?? 0) + 1);
  }

  private requestsLeftFor({ spec }: Lane): number {
    return Math.min(this.requestsLeft, this.room.requestsOf(spec) - (this.launched.get(serviceOf(spec)) ?? 0));
  }

  private fits(lane: Lane): boolean {
    const { room } = this;
    const { pool } = lane.keys;
    if (!lane.isInstant && this.requestsLeftFor(lane) <= 0) return false;
    // Thousands may wait for a full pool: they are passed over at the price of a look.
    if (pool !== null && this.full.has(pool) && lane.spec.poolSlots === 1 && !lane.isSensor) return false;
    const stop = stopOf(lane, room);
    if (stop?.kind === "pool" && stop.held >= stop.slots) this.full.add(stop.pool);
    if (pool === null || lane.isSensor) return stop === null;
    if (stop !== null && waitsForPool(stop)) room.reserved.wants(lane, pool);
    return stop === null && room.reserved.allows(lane, room.pools.get(pool) ?? 0);
  }

  /** Counts again as before: what is admitted counts once it has been decided. */
  giveBack(): void {
    for (const lane of this.taken) this.room.slots.count(lane.keys, lane.spec, lane.isSensor, -1);
  }
}
