import { randomUUID } from "node:crypto";
import type { LoadedDag } from "../core/dag.ts";
import type { Instant } from "../core/json.ts";
import type { TaskEvent } from "../core/machine/events.ts";
import type { TaskKey } from "../core/records.ts";
import { NocturneError } from "../core/errors.ts";
import { scaledLaunch, scaledSettings } from "../core/time-scale.ts";
import { openFlushSession, type FlushSession } from "../store/flush.ts";
import { listenForCommands } from "../store/inbox.ts";
import { releaseWriter, takeWriter } from "../store/writer-row.ts";
import { EngineClock } from "./clock.ts";
import type { DagChange, EngineDeps } from "./deps.ts";
import { Facts } from "./facts.ts";
import { Launcher } from "./launcher.ts";
import { LookRoom } from "./look-room.ts";
import { Observer } from "./observer.ts";
import { TermOver } from "./flushes.ts";
import { ForeignLife, Lease } from "./lease.ts";
import { Term } from "./term.ts";
import { Wake } from "./wake.ts";

/** The version of the protocol this program speaks (rule 3). */
const PROTOCOL = 1;
/** Makes everything correct without any signal (architecture, wake-ups). */
const HEARTBEAT_MS = 1_000;
/** After so many terms or takes in a row that came to nothing, the engine gives up and says why: about half a minute. A system that waits for its database goes on. */
const MOST_FAILURES = 30;

export interface Engine {
  /** Gives the writer's row up after what is under way has been written; nothing remote is cancelled. */
  stop(): Promise<void>;
  /** Resolves when every command is carried out, every run has ended and every bill is settled. */
  settled(): Promise<void>;
  /** Resolves once the DAGs are published, or another process writes and this one stands by. */
  readonly ready: Promise<void>;
  /** Whether this process holds the writer's row; false: it stands by, or is on its way. */
  readonly isWriting: boolean;
  /** Publishes DAGs whose files changed; a process that stands by does so when it takes over. */
  publish(change: DagChange): void;
  /** The engine's time. */
  now(): Instant;
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
  private readonly clock: EngineClock;
  private readonly dags: Map<string, LoadedDag>;
  private readonly gone = new Set<string>();
  /** What a term that is under way has not published yet. */
  private changes: DagChange[] = [];
  private isReady: () => void = () => undefined;
  readonly ready = new Promise<void>((resolve) => (this.isReady = resolve));
  private readonly wake = new Wake();
  private readonly facts = new Facts();
  private readonly foreign = new ForeignLife();
  private readonly settledWaiters: (() => void)[] = [];
  private closeListener: (() => Promise<void>) | null = null;
  private launcher: Launcher;
  /** Of the row as this process last held it. */
  private lastEpoch: string | null = null;
  private isStopping = false;
  /** Whether the operators of all DAGs have been asked for. */
  private isWarm = false;
  isWriting = false;
  private inboxRang = true;
  private inboxReadAt = 0;
  /** Since the last turn that went well. */
  private failures = 0;
  private lastError: unknown = null;
  ended: Promise<void> = Promise.resolve();

  constructor(given: EngineDeps) {
    const operators = new Map(
      [...given.operators].map(([type, each]) => [type, { ...each, launch: scaledLaunch(each.launch, given.time) }]),
    );
    const deps = { ...given, operators, settings: scaledSettings(given.settings, given.time) };
    this.deps = deps;
    this.dags = new Map(deps.dags.map((dag) => [dag.spec.dagId, dag]));
    this.clock = new EngineClock(deps.time);
    this.launcher = new Launcher(deps, this.clock, this.post);
  }

  async open(): Promise<void> {
    const listener = await listenForCommands(this.deps.store, () => {
      this.inboxRang = true;
      // Who stands by must not try to take the row at every wish.
      if (this.isWriting) this.wake.ring();
    });
    this.closeListener = () => listener.close();
    this.ended = this.live();
    this.ended.catch(() => undefined);
  }

  publish(change: DagChange): void {
    for (const dag of change.dags) {
      this.dags.set(dag.spec.dagId, dag);
      this.gone.delete(dag.spec.dagId);
    }
    for (const dagId of change.gone) {
      this.dags.delete(dagId);
      this.gone.add(dagId);
    }
    this.changes.push(change);
    this.isWarm = false;
    this.wake.ring();
  }

  now(): Instant {
    return this.clock.now();
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

  private readonly post = (key: TaskKey, event: TaskEvent): void => {
    this.facts.add({ key, event });
    this.wake.ring();
  };

  /** Takes the row, writes until it is lost, and begins again. */
  private async live(): Promise<void> {
    try {
      while (!this.isStopping) {
        const lease = await this.take();
        if (lease) await this.write(lease);
        else await this.wake.wait(HEARTBEAT_MS);
        if (this.failures > MOST_FAILURES && !this.deps.waitsForDatabase) throw this.lastError;
        if (this.failures > 1 && !this.isStopping) await this.wake.wait(HEARTBEAT_MS);
      }
    } finally {
      this.deps.letGo();
      await this.closeListener?.();
      for (const resolve of this.settledWaiters.splice(0)) resolve();
    }
  }

  private async take(): Promise<Lease | null> {
    const { writerTtlMs: ttlMs } = this.deps.settings;
    const wish = { owner: this.owner, ttlMs, protocol: PROTOCOL, unrenewed: this.foreign.unrenewed(ttlMs) };
    const taken = await takeWriter(this.deps.store, wish).catch((error: unknown) =>
      this.failed(error, "the writer's row could not be taken"),
    );
    if (!taken) return null;
    if (taken.kind === "newer") {
      const message = `the database is written by a newer Nocturne (protocol ${taken.protocol}, this one speaks ${PROTOCOL})`;
      throw new NocturneError({ code: "DATABASE_NEWER", message });
    }
    if (taken.kind === "held") {
      this.foreign.see(taken);
      this.letGo();
      this.warmUp();
      this.isReady();
      return null;
    }
    // The take may have waited for a flush, so its clock says nothing about ours: the first renewal does.
    // Whoever held the row meanwhile has taken the work in this process for dead, and may have begun it again.
    if (this.lastEpoch !== null && BigInt(taken.epoch) !== BigInt(this.lastEpoch) + 1n) this.letGo();
    this.lastEpoch = taken.epoch;
    const fence = { epoch: taken.epoch, owner: this.owner };
    const lease = new Lease(this.deps.store, this.clock, fence, this.deps.settings);
    const isOurs = await lease
      .renew()
      .catch((error: unknown) => this.failed(error, "the new row could not be renewed"));
    return isOurs === true ? lease : null;
  }

  /** Clients of AWS are slow to load: who stands by has those of its DAGs at hand when it takes over. */
  private warmUp(): void {
    if (this.isWarm) return;
    this.isWarm = true;
    const tasks = [...this.dags.values()].flatMap(({ spec }) => spec.tasks);
    // One that cannot be loaded says so when it is needed.
    for (const type of new Set(tasks.map(({ operator }) => operator))) {
      this.deps.operator(type).catch(() => undefined);
    }
  }

  private letGo(): void {
    this.deps.letGo();
    this.launcher.disown();
    this.facts.disown();
  }

  private async write(lease: Lease): Promise<void> {
    const room = new LookRoom(() => this.facts.count);
    const observer = new Observer(this.deps, this.clock, this.post, room);
    const { fence } = lease;
    let session: FlushSession | null = null;
    let term: Term | null = null;
    this.launcher.serve(lease);
    lease.keep((error) => this.deps.log.warn({ err: error }, "the writer's row was not renewed"), this.wake);
    try {
      session = await openFlushSession(this.deps.store);
      this.changes = [];
      const source = { dags: [...this.dags.values()], gone: [...this.gone] };
      const flushing = {
        sent: () => this.facts.leave(),
        acknowledged: (hasWritten: boolean) => {
          this.launcher.acknowledged(this.facts.acknowledged());
          if (hasWritten && this.isWriting) this.failures = 0;
        },
        wake: () => this.wake.ring(),
      };
      const { deps, clock, launcher, post } = this;
      term = await Term.begin(deps, source, clock, session, fence, launcher, observer, post, flushing);
      this.isWriting = true;
      this.isReady();
      while (!this.isStopping && !lease.isLost) await this.turn(term, room);
      if (this.isStopping && !lease.isLost) {
        observer.stop();
        await term.settle();
        await this.launcher.settle(this.clock.realMs(this.deps.settings.requestLimitMs));
        await term.drain(this.facts.take());
        await releaseWriter(this.deps.store, fence);
      }
    } catch (error) {
      this.failed(error, "the term ended; everything is read again");
    } finally {
      this.isWriting = false;
      term?.end();
      this.facts.afterReload();
      lease.stop();
      observer.stop();
      await session?.close();
    }
  }

  private async turn(term: Term, room: LookRoom): Promise<void> {
    const startedAt = performance.now();
    if (this.inboxRang || startedAt - this.inboxReadAt >= HEARTBEAT_MS) {
      this.inboxReadAt = startedAt;
      this.inboxRang = false;
      term.readInbox();
    }
    for (const change of this.changes.splice(0)) await term.publish(change);
    await term.departed();
    const facts = this.facts.take();
    room.admit();
    await term.turn(facts);
    if (term.isDurable) this.failures = 0;
    if (!this.facts.isEmpty || this.inboxRang || this.changes.length > 0 || this.isStopping) return;
    if (this.settledWaiters.length > 0 && term.isIdle && this.launcher.isIdle) {
      if (await term.isInboxEmpty()) for (const resolve of this.settledWaiters.splice(0)) resolve();
      else term.readInbox();
    }
    await this.wake.wait(Math.min(HEARTBEAT_MS, this.clock.realMs(term.nextDueAt - this.clock.now())));
  }

  /** Counts a failure and lets a moment pass by the next wait; one flush that succeeds forgives all. */
  private failed(error: unknown, what: string): null {
    this.failures++;
    this.lastError = error;
    if (isWithoutRoom(error)) {
      this.deps.log.error({ err: error }, `${what}: the server has no disk space, memory or connections left`);
    } else if (!(error instanceof TermOver && error.reason === "fenced")) this.deps.log.warn({ err: error }, what);
    return null;
  }
}

/** SQLSTATE class 53: somebody must do something about it. */
const isWithoutRoom = (error: unknown): boolean => String((error as { readonly code?: unknown }).code).startsWith("53");
