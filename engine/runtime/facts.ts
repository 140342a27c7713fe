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
  /** Decided on; what that changed is in no flush yet. */
  private decided: Fact[] = [];
  /** In the flush that is under way. */
  private sent: Fact[] = [];

  add(fact: Fact): void {
    this.waiting.push(fact);
  }

  take(): readonly Fact[] {
    const taken = this.waiting;
    this.waiting = [];
    for (const fact of taken) if (isOnlyOurs(fact)) this.decided.push(fact);
    return taken;
  }

  /** All that has been decided is on its way, or changed nothing. */
  leave(): void {
    this.sent = this.decided;
    this.decided = [];
  }

  /** What was on its way is durable. Answers it. */
  acknowledged(): readonly Fact[] {
    const durable = this.sent;
    this.sent = [];
    return durable;
  }

  /** Memory was dropped: what only we know comes again, the rest will be observed anew. */
  afterReload(): void {
    this.waiting = [...this.sent, ...this.decided, ...this.waiting.filter(isOnlyOurs)];
    this.sent = [];
    this.decided = [];
  }

  /** Another process has written meanwhile. */
  disown(): void {
    this.waiting = this.waiting.map(({ key, event }) => ({ key, event: afterOthers(event) }));
  }

  get count(): number {
    return this.waiting.length;
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }
}

/**
 * What a submit's event says once another process has written: it may have sent the same launch again, so that only a job
 * that is known counts. That this one request started nothing does not mean that there is none (rules 8 and 16).
 */
export function afterOthers(event: TaskEvent): TaskEvent {
  if (event.kind !== "submitted" && event.kind !== "not_sent") return event;
  if (event.kind === "submitted" && (event.result.kind === "started" || event.result.kind === "done")) return event;
  const message = "another process wrote while this one's request was under way";
  return { kind: "submitted", tryNumber: event.tryNumber, result: { kind: "doubt", message } };
}

const isOnlyOurs = ({ event }: Fact): boolean => event.kind === "submitted";
