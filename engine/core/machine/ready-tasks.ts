import type { TaskSpec } from "../dag.ts";
import type { ActiveRun } from "./active-run.ts";
import { Places, type Candidate } from "./places.ts";
import { slotKeys, type SlotKeys } from "./slots.ts";

/** What limits ask about an operator. */
export interface OperatorKinds {
  /** It only waits, and holds no slot. */
  isSensor(operator: string): boolean;
  /** Its launch sends no request to anybody. */
  isInstant(operator: string): boolean;
}

/** The instances of one task of one run that wait for a slot: what stops one of them stops them all. */
export interface Lane {
  readonly active: ActiveRun;
  readonly taskAt: number;
  readonly spec: TaskSpec;
  readonly keys: SlotKeys;
  readonly isSensor: boolean;
  /** Its launch sends no request to anybody. */
  readonly isInstant: boolean;
  readonly rank: Rank;
  /** Places in the run, by map index. */
  readonly places: number[];
}

/** All that is equally urgent, by DAG: of each DAG the older run first, then the order of the file. */
export interface Rank {
  readonly priority: number;
  readonly isBackfill: boolean;
  readonly dags: Map<string, Lane[]>;
}

/** Whatever waits for a slot, kept in order as it comes and goes: nothing is sorted when slots are handed out. */
export class ReadyTasks {
  /** The most urgent first; a backfill's after all others of the same priority. */
  readonly ranks: Rank[] = [];
  /** Held up by nothing (rule 25). */
  readonly teardowns = new Places();
  private readonly lanes = new Map<ActiveRun, Map<number, Lane>>();
  private readonly kinds: OperatorKinds;
  private count = 0;
  /** How many of them send no request. */
  instants = 0;

  constructor(kinds: OperatorKinds) {
    this.kinds = kinds;
  }

  get size(): number {
    return this.count + this.teardowns.size;
  }

  add(candidate: Candidate): void {
    const { active, position } = candidate;
    const taskAt = active.nodes[position]?.taskAt ?? position;
    if (active.dag.isTeardown[taskAt]) {
      this.teardowns.add(active, position);
      return;
    }
    const lane = this.lanes.get(active)?.get(taskAt) ?? this.open(active, taskAt);
    const at = indexFor(lane.places, (place) => mapIndexOf(active, place) - mapIndexOf(active, position));
    if (lane.places[at] === position) return;
    lane.places.splice(at, 0, position);
    this.count++;
    if (lane.isInstant) this.instants++;
  }

  remove({ active, position }: Candidate): void {
    this.teardowns.delete(active, position);
    const lane = this.lanes.get(active)?.get(active.nodes[position]?.taskAt ?? position);
    if (!lane) return;
    const at = indexFor(lane.places, (place) => mapIndexOf(active, place) - mapIndexOf(active, position));
    if (lane.places[at] !== position) return;
    lane.places.splice(at, 1);
    this.count--;
    if (lane.isInstant) this.instants--;
    if (lane.places.length === 0) this.close(lane);
  }

  private open(active: ActiveRun, taskAt: number): Lane {
    const spec = active.dag.tasks[taskAt];
    if (!spec) throw new Error(`run ${active.run.dagRunId} has no task at ${taskAt}`);
    const rank = this.rank(active.dag.weights[taskAt] ?? spec.priority, active.run.backfillId !== null);
    const keys = slotKeys(active, taskAt);
    const isSensor = this.kinds.isSensor(spec.operator);
    const isInstant = this.kinds.isInstant(spec.operator);
    const lane = { active, taskAt, spec, keys, isSensor, isInstant, rank, places: [] };
    const lanes = rank.dags.get(keys.dag) ?? [];
    rank.dags.set(keys.dag, lanes);
    lanes.splice(
      indexFor(lanes, (each) => inTurn(each, lane)),
      0,
      lane,
    );
    const own = this.lanes.get(active) ?? new Map<number, Lane>();
    this.lanes.set(active, own.set(taskAt, lane));
    return lane;
  }

  private close(lane: Lane): void {
    const { rank, keys, active, taskAt } = lane;
    const own = this.lanes.get(active);
    own?.delete(taskAt);
    if (own?.size === 0) this.lanes.delete(active);
    const lanes = rank.dags.get(keys.dag) ?? [];
    const at = indexFor(lanes, (each) => inTurn(each, lane));
    if (lanes[at] === lane) lanes.splice(at, 1);
    if (lanes.length === 0) rank.dags.delete(keys.dag);
    if (rank.dags.size === 0) this.ranks.splice(this.ranks.indexOf(rank), 1);
  }

  private rank(priority: number, isBackfill: boolean): Rank {
    const wanted: Rank = { priority, isBackfill, dags: new Map() };
    const at = indexFor(this.ranks, (rank) => byUrgency(rank, wanted));
    const known = this.ranks[at];
    if (known && byUrgency(known, wanted) === 0) return known;
    this.ranks.splice(at, 0, wanted);
    return wanted;
  }
}

/** Less than 0: `a` is more urgent than `b`. */
export const byUrgency = (a: Rank, b: Rank): number =>
  b.priority - a.priority || Number(a.isBackfill) - Number(b.isBackfill);

function inTurn(a: Lane, b: Lane): number {
  const [left, right] = [a.active.run, b.active.run];
  const byRun = left.runId < right.runId ? -1 : left.runId > right.runId ? 1 : 0;
  return left.runAfterAt - right.runAfterAt || byRun || a.taskAt - b.taskAt;
}

const mapIndexOf = ({ nodes }: ActiveRun, place: number): number => nodes[place]?.task.mapIndex ?? -1;

/** The first index whose item does not come before what is looked for. */
function indexFor<T>(sorted: readonly T[], compare: (item: T) => number): number {
  let from = 0;
  let to = sorted.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (compare(sorted[middle] as T) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}
