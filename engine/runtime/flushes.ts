import { quarantineBatch, splitBatch } from "../core/machine/split-batch.ts";
import type { World } from "../core/machine/world.ts";
import type { FlushBatch } from "../core/flush-batch.ts";
import { flush, type FlushSession } from "../store/flush.ts";
import type { Fence } from "../store/writer-row.ts";
import type { EngineClock } from "./clock.ts";
import type { EngineDeps } from "./deps.ts";
import type { Dispatch } from "./dispatch.ts";

/** The writer's row does not name us any more, or memory can no longer be trusted: the term is over. */
export class TermOver extends Error {
  /** fenced: somebody else writes. reload: we may go on after reading everything again. */
  readonly reason: "fenced" | "reload";

  constructor(reason: "fenced" | "reload", message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What hears of a term: a flush has left with all that was decided so far; one was acknowledged. */
export interface Flushing {
  sent(): void;
  /** false: there was nothing to write. */
  acknowledged(hasWritten: boolean): void;
  /** Something has come that the next turn takes up: the end of a flush, however it ended, or a wish. */
  wake(): void;
}

/**
 * The flushes of one term. At most one is under way; while it is, the next gathers, so that Postgres and this process work at
 * the same time. What rows owe is carried out only when the flush that changed them was acknowledged.
 */
export class Flushes {
  private readonly deps: Pick<EngineDeps, "log" | "onMails">;
  private readonly clock: EngineClock;
  private readonly session: FlushSession;
  private readonly fence: Fence;
  private readonly world: World;
  private readonly dispatch: Dispatch;
  private readonly hears: Flushing;
  /** Settles when the flush that is under way has; it never rejects: see failure. */
  private underWay: Promise<void> | null = null;
  /** Settles when all of it is on its way to Postgres. */
  private leaving: Promise<void> | null = null;
  private failure: Error | null = null;
  private isOver = false;
  /** Whether what has gathered is whole, so that it may leave as soon as the flush before it has landed. */
  private mayFollow = false;
  /** Flushes by number: the first of a term is 1. */
  private sent = 0;
  private acknowledged = 0;

  constructor(
    deps: Pick<EngineDeps, "log" | "onMails">,
    clock: EngineClock,
    session: FlushSession,
    fence: Fence,
    world: World,
    dispatch: Dispatch,
    hears: Flushing,
  ) {
    this.deps = deps;
    this.clock = clock;
    this.session = session;
    this.fence = fence;
    this.world = world;
    this.dispatch = dispatch;
    this.hears = hears;
  }

  /** The number of the flush that gathers. */
  get gathering(): number {
    return this.sent + 1;
  }

  /** The number of the last flush that was acknowledged. */
  get landed(): number {
    return this.acknowledged;
  }

  get isUnderWay(): boolean {
    return this.underWay !== null;
  }

  /** Whether all that has been decided is durable. */
  get isDurable(): boolean {
    return this.underWay === null && this.failure === null && this.world.gathered.isEmpty;
  }

  /** Nothing leaves by itself until `complete`: a turn has begun to gather. */
  hold(): void {
    this.mayFollow = false;
  }

  /** A turn is over: sends what it has gathered, now or behind the flush that is under way. */
  complete(): void {
    this.mayFollow = true;
    this.send();
  }

  /** Throws what ended the term, if anything has. */
  check(): void {
    if (this.failure) throw this.failure;
  }

  /** Makes durable all that has been decided so far, and carries out what it owes. */
  async all(): Promise<void> {
    await this.ended();
    this.send();
    await this.ended();
  }

  /** Sends what has gathered, unless a flush is under way: what gathers meanwhile is the next one (rule 4). */
  send(): void {
    if (this.underWay) return;
    // What was decided since rests on memory that is not durable and never will be (rule 5).
    this.check();
    const taken = this.world.takePending();
    this.hears.sent();
    if (!taken || taken.batch.isEmpty) {
      this.hears.acknowledged(false);
      this.dispatch.run(taken?.touched ?? []);
      return;
    }
    this.sent++;
    let departed = (): void => undefined;
    this.leaving = new Promise((resolve) => (departed = resolve));
    const write = async (): Promise<void> => {
      try {
        await this.write(taken.batch.batch(), departed);
        this.acknowledged = this.sent;
        this.hears.acknowledged(true);
        if (!this.isOver) this.dispatch.run(taken.touched);
      } catch (error) {
        this.failure = error instanceof Error ? error : new Error(String(error));
      }
      departed();
      this.underWay = null;
      if (this.mayFollow && this.failure === null && !this.world.gathered.isEmpty) this.send();
      this.hears.wake();
    };
    this.underWay = write();
  }

  /** The last flush of a process that stops in order: nothing new is begun. */
  async last(): Promise<void> {
    this.hold();
    await this.ended();
    const taken = this.world.takePending();
    if (taken && !taken.batch.isEmpty) await this.write(taken.batch.batch());
  }

  /** Nothing is carried out any more, whatever is still acknowledged. */
  end(): void {
    this.isOver = true;
    this.mayFollow = false;
  }

  /** Waits until the flush that is under way has left: a turn that began before would keep the rest of it here. */
  async departed(): Promise<void> {
    await this.leaving;
  }

  /** Waits until no flush is under way. */
  async ended(): Promise<void> {
    while (this.underWay) await this.underWay;
    this.check();
  }

  private async write(batch: FlushBatch, departed?: () => void): Promise<void> {
    this.dispatch.intend(batch.attemptsCreated);
    const sentAt = this.clock.mark();
    const outcome = await flush(this.session, this.fence, batch, departed);
    switch (outcome.kind) {
      case "committed":
        this.clock.sync(outcome.now, sentAt);
        if (batch.mails.length > 0) this.deps.onMails();
        return;
      case "fenced":
        throw new TermOver("fenced", "another process has taken the writer's row");
      case "conflict":
        throw new TermOver("reload", outcome.message);
      case "bad_data":
        this.deps.log.error(
          { sqlstate: outcome.sqlstate },
          `a flush was refused, it is tried run by run: ${outcome.message}`,
        );
        await this.writeRunByRun(batch);
        return;
    }
  }

  private async writeRunByRun(batch: FlushBatch): Promise<void> {
    let putAside = false;
    for (const part of splitBatch(batch)) {
      const outcome = await flush(this.session, this.fence, part.batch);
      if (outcome.kind === "committed") continue;
      if (outcome.kind !== "bad_data" || part.runId === null) throw new TermOver("reload", "a flush was refused");
      this.deps.log.error({ runId: part.runId }, `the run is quarantined: ${outcome.message}`);
      const aside = quarantineBatch(part, this.world.sentRun(part.runId), outcome.message);
      this.world.drop(part.runId);
      putAside = true;
      if (aside && (await flush(this.session, this.fence, aside)).kind !== "committed") {
        throw new TermOver("reload", `the run ${part.runId} could not be put aside`);
      }
    }
    // Deadlines and mails of a run that stayed out were not written either: memory must not believe they were.
    if (putAside) throw new TermOver("reload", "a run was put aside");
  }
}
