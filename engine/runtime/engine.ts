import { randomUUID } from "node:crypto";
import type { TaskEvent } from "../core/machine/events.ts";
import { NocturneError } from "../core/errors.ts";
import { openFlushSession, type FlushSession } from "../store/flush.ts";
import { listenForCommands } from "../store/inbox.ts";
import { releaseWriter, renewWriter, takeWriter } from "../store/writer-row.ts";
import { EngineClock } from "./clock.ts";
import type { EngineDeps } from "./deps.ts";
import { Facts } from "./facts.ts";
import { Launcher } from "./launcher.ts";
import { Observer } from "./observer.ts";
import { Term, TermOver, type Fence } from "./term.ts";
import { Wake } from "./wake.ts";

/** The version of the protocol this program speaks (rule 3). */
const PROTOCOL = 1;
/** Makes everything correct without any signal (architecture, wake-ups). */
const HEARTBEAT_MS = 1_000;
/** After so many terms or takes in a row that came to nothing, the engine gives up and says why: about half a minute. */
const MOST_FAILURES = 30;

export interface Engine {
  /** Gives the writer's row up after what is under way has been written; nothing remote is cancelled. */
  stop(): Promise<void>;
  /** Resolves when every command is carried out, every run has ended and every bill is settled. */
  settled(): Promise<void>;
  /** Rejects when the engine cannot go on, with the reason; resolves when it was stopped. */
  readonly ended: Promise<void>;
}

/** Starts one engine process: it takes the writer's row when it is free, and stands by while another holds it. */
export async function startEngine(deps: EngineDeps): Promise<Engine> {
  const engine = new EngineProcess(deps);
  await engine.open();
  return engine;
}

class EngineProcess implements Engine {
  private readonly deps: EngineDeps;
  private readonly owner = randomUUID();
  private readonly clock = new EngineClock();
  private readonly wake = new Wake();
  private readonly facts = new Facts();
  private readonly settledWaiters: (() => void)[] = [];
  private closeListener: (() => Promise<void>) | null = null;
  private launcher: Launcher;
  private isStopping = false;
  private inboxRang = true;
  /** Since the last turn that went well. */
  private failures = 0;
  private lastError: unknown = null;
  ended: Promise<void> = Promise.resolve();

  constructor(deps: EngineDeps) {
    this.deps = deps;
    this.launcher = new Launcher(deps, this.clock, this.post);
  }

  async open(): Promise<void> {
    const listener = await listenForCommands(this.deps.store, () => {
      this.inboxRang = true;
      this.wake.ring();
    });
    this.closeListener = () => listener.close();
    this.ended = this.live();
    this.ended.catch(() => undefined);
  }

  settled(): Promise<void> {
    const quiet = new Promise<void>((resolve) => {
      this.settledWaiters.push(resolve);
      this.inboxRang = true;
      this.wake.ring();
    });
    return Promise.race([quiet, this.ended]);
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    this.wake.ring();
    await this.ended.catch(() => undefined);
  }

  private readonly post = (runId: string, taskNo: number, event: TaskEvent): void => {
    this.facts.add({ runId, taskNo, event });
    this.wake.ring();
  };

  /** Takes the row, writes until it is lost, and begins again. */
  private async live(): Promise<void> {
    try {
      while (!this.isStopping) {
        const fence = await this.take();
        if (fence) await this.write(fence);
        else await this.wake.wait(HEARTBEAT_MS);
        if (this.failures > MOST_FAILURES) throw this.lastError;
        if (this.failures > 1 && !this.isStopping) await this.wake.wait(HEARTBEAT_MS);
      }
    } finally {
      await this.closeListener?.();
      for (const resolve of this.settledWaiters.splice(0)) resolve();
    }
  }

  private async take(): Promise<Fence | null> {
    const sentAt = this.clock.mark();
    const { writerTtlMs: ttlMs } = this.deps.settings;
    const taken = await takeWriter(this.deps.store, { owner: this.owner, ttlMs, protocol: PROTOCOL }).catch(
      (error: unknown) => this.failed(error, "the writer's row could not be taken"),
    );
    if (!taken) return null;
    if (taken.kind === "newer") {
      const message = `the database is written by a newer Nocturne (protocol ${taken.protocol}, this one speaks ${PROTOCOL})`;
      throw new NocturneError({ code: "DATABASE_NEWER", message });
    }
    if (taken.kind === "held") return null;
    this.clock.sync(taken.now, sentAt);
    return { epoch: taken.epoch, owner: this.owner };
  }

  private async write(fence: Fence): Promise<void> {
    const observer = new Observer(this.deps, this.clock, this.post);
    let session: FlushSession | null = null;
    const lease = this.keepLease(fence);
    try {
      session = await openFlushSession(this.deps.store);
      const term = await Term.begin(this.deps, this.clock, session, fence, this.launcher, observer, this.post);
      while (!this.isStopping && !lease.isLost()) await this.turn(term);
      if (this.isStopping && !lease.isLost()) {
        observer.stop();
        await this.launcher.settle(this.deps.settings.requestLimitMs);
        await term.turn(this.facts.take(), false);
        await releaseWriter(this.deps.store, fence);
      }
    } catch (error) {
      this.facts.afterReload();
      this.failed(error, "the term ended; everything is read again");
    } finally {
      lease.stop();
      observer.stop();
      await session?.close();
    }
  }

  private async turn(term: Term): Promise<void> {
    const readInbox = this.inboxRang;
    this.inboxRang = false;
    await term.turn(this.facts.take(), readInbox);
    this.facts.acknowledged();
    this.failures = 0;
    if (!this.facts.isEmpty || this.inboxRang || this.isStopping) return;
    if (this.settledWaiters.length > 0 && term.isIdle && this.launcher.isIdle) {
      if (readInbox) for (const resolve of this.settledWaiters.splice(0)) resolve();
      else this.inboxRang = true;
      return;
    }
    const untilDue = term.nextDueAt - this.clock.now();
    if (untilDue > HEARTBEAT_MS) {
      const slept = performance.now();
      await this.wake.wait(HEARTBEAT_MS);
      if (performance.now() - slept >= HEARTBEAT_MS) this.inboxRang = true;
    } else await this.wake.wait(untilDue);
  }

  /** Counts a failure and lets a moment pass by the next wait; one flush that succeeds forgives all. */
  private failed(error: unknown, what: string): null {
    this.failures++;
    this.lastError = error;
    if (!(error instanceof TermOver && error.reason === "fenced")) this.deps.log.warn({ err: error }, what);
    return null;
  }

  /** Renews the row; its life is counted from before the renewal was sent (rule 2). */
  private keepLease(fence: Fence): { isLost(): boolean; stop(): void } {
    const { writerTtlMs: ttlMs, writerRenewMs } = this.deps.settings;
    let alive = true;
    let validFrom = performance.now();
    let renewing = false;
    const renew = async (): Promise<void> => {
      if (renewing) return;
      renewing = true;
      const sentAt = performance.now();
      const mark = this.clock.mark();
      try {
        const now = await renewWriter(this.deps.store, { ...fence, ttlMs });
        if (now === null) alive = false;
        else {
          validFrom = sentAt;
          this.clock.sync(now, mark);
        }
      } catch (error) {
        this.deps.log.warn({ err: error }, "the writer's row could not be renewed; it is tried again");
      } finally {
        renewing = false;
        if (!alive) this.wake.ring();
      }
    };
    const timer = setInterval(() => void renew(), writerRenewMs);
    return {
      isLost: () => !alive || performance.now() - validFrom > ttlMs,
      stop: () => clearInterval(timer),
    };
  }
}
