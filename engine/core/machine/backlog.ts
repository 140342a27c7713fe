import type { ActiveRun, Node } from "./active-run.ts";
import { specAt } from "./active-run.ts";
import type { TaskSpec } from "../dag.ts";
import type { Attempt } from "../records.ts";
import { Reservations, type Room } from "./admission.ts";
import { isGrowing } from "./mapped.ts";
import { Places, type Candidate } from "./places.ts";
import { ReadyTasks, type OperatorKinds } from "./ready-tasks.ts";
import { serviceOf, slotKeys, Slots } from "./slots.ts";

/**
 * The small lists that planning reads, kept in step with the nodes: what is ready, what holds slots, which launches are
 * under way, which mapped tasks still want instances.
 */
export class Backlog {
  /** Tasks that are ready but not rendered: the shell prepares them before the next flush. */
  readonly unprepared = new Places();
  /** Tasks that wait for a slot. */
  readonly ready: ReadyTasks;
  /** What is at work. */
  readonly slots = new Slots();
  readonly reserved = new Reservations();
  /** Intents whose fate is not known yet. */
  readonly unsent = new Places();
  /** Those of them that were pushed back or are in doubt: they wait, and no request of theirs is under way. */
  private readonly resting = new Places();
  /** The same intents counted by the service that takes them. */
  private readonly unsentOf = new Map<string, number>();
  /** Mapped tasks whose instances are not all made. */
  readonly growing = new Places();
  private readonly kinds: OperatorKinds;

  constructor(kinds: OperatorKinds) {
    this.kinds = kinds;
    this.ready = new ReadyTasks(kinds);
  }

  /** The node at `position` was `before` and is `after`; null: it was, or is, not there. */
  moved(active: ActiveRun, position: number, before: Node | null, after: Node | null): void {
    const spec = specAt(active, position);
    const isReady = after?.task.state === "scheduled";
    if (isReady && after.prepared !== null) this.ready.add({ active, position });
    else this.ready.remove({ active, position });
    this.unprepared.keep(active, position, isReady && after.prepared === null && after.listing === null);
    const isUnsent = after?.attempt?.state === "open" && after.attempt.ref === null;
    // A teardown is held up by nothing (rule 25), and who sends no request holds up nobody.
    const counts = spec.teardownOf.length === 0 && !this.kinds.isInstant(spec.operator);
    this.countUnsent(active, position, spec, isUnsent && counts);
    this.resting.keep(active, position, isUnsent && counts && isResting(after.attempt));
    const change = Number(holdsSlot(after)) - Number(holdsSlot(before));
    if (change === 0 || spec.teardownOf.length > 0) return;
    const { taskAt } = after ?? before ?? { taskAt: position };
    this.slots.count(slotKeys(active, taskAt), spec, this.kinds.isSensor(spec.operator), change > 0 ? 1 : -1);
  }

  private countUnsent(active: ActiveRun, position: number, spec: TaskSpec, isUnsent: boolean): void {
    if (this.unsent.has(active, position) === isUnsent) return;
    this.unsent.keep(active, position, isUnsent);
    const service = serviceOf(spec);
    this.unsentOf.set(service, (this.unsentOf.get(service) ?? 0) + (isUnsent ? 1 : -1));
  }

  /**
   * How many more requests may be under way, of all services and of the one of a task: what one service pushes back holds up
   * its own launches, and nobody else's.
   */
  roomFor(maxSubmits: number): Pick<Room, "requests" | "requestsOf"> {
    return {
      requests: maxSubmits - (this.unsent.size - this.resting.size),
      requestsOf: (spec) => maxSubmits - (this.unsentOf.get(serviceOf(spec)) ?? 0),
    };
  }

  /** The next tasks to render, at most `most`. */
  nextUnprepared(most: number): Candidate[] {
    const list: Candidate[] = [];
    for (const candidate of this.unprepared) {
      if (list.length >= most) break;
      list.push(candidate);
    }
    return list;
  }

  /** How a mapped task of the run stands; of a run that is gone, waits for its turn or is being ended nothing more is made. */
  mapped(active: ActiveRun, taskAt: number): void {
    const mapped = active.mapped.get(taskAt);
    const isAlive = !active.isGone && active.run.state === "running" && active.run.ending === null;
    const grows =
      isAlive && mapped !== undefined && isGrowing(mapped) && active.nodes[taskAt]?.task.state === "running";
    this.growing.keep(active, taskAt, grows);
  }
}

/** A mapped task as a whole has no attempt, and so no slot: its instances have. */
const holdsSlot = (node: Node | null): boolean =>
  node?.task.state === "queued" || (node?.task.state === "running" && node.attempt !== null);

const isResting = ({ pushbacks, doubtAt }: Attempt): boolean => pushbacks > 0 || doubtAt !== null;
