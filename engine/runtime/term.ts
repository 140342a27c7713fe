import { auditOf } from "../core/audit.ts";
import { nextVersion } from "../core/machine/publish.ts";
import { quarantineBatch, splitBatch } from "../core/machine/split-batch.ts";
import { prevSuccessWishes, rememberPrevSuccesses } from "../core/machine/prev-success.ts";
import type { DecisionContext, TaskEvent } from "../core/machine/events.ts";
import { World, type Touched } from "../core/machine/world.ts";
import type { Prepared } from "../core/prepared.ts";
import type { TaskKey } from "../core/records.ts";
import type { CommandResult } from "../core/commands.ts";
import type { FlushBatch } from "../core/flush-batch.ts";
import { flush, type FlushSession } from "../store/flush.ts";
import { groupBy } from "../store/group-by.ts";
import { currentHashes, loadRuns, loadWorld, takenDates } from "../store/load.ts";
import { loadPasts } from "../store/past.ts";
import { loadPrevSuccesses } from "../store/prev-success.ts";
import { pendingCommands } from "../store/inbox.ts";
import { isDatabaseAway } from "../store/read-models/health.ts";
import type { Fence } from "../store/writer-row.ts";
import type { EngineClock } from "./clock.ts";
import type { DagChange, EngineDeps, PrepareRequest } from "./deps.ts";
import { Dispatch } from "./dispatch.ts";
import { newRunId, sha256 } from "./ids.ts";
import { applyCommand, isAdoption, newRuns } from "./inbox.ts";
import { knowDags } from "./know-dags.ts";
import { prepareRequest } from "./prepare-request.ts";
import type { Launcher } from "./launcher.ts";
import type { Observer } from "./observer.ts";
import type { Fact } from "./facts.ts";

/** The writer's row does not name us any more, or memory can no longer be trusted: the term is over. */
export class TermOver extends Error {
  /** fenced: somebody else writes. reload: we may go on after reading everything again. */
  readonly reason: "fenced" | "reload";

  constructor(reason: "fenced" | "reload", message: string) {
    super(message);
    this.reason = reason;
  }
}

/** A burst of triggers is taken in together: one flush each would keep the writer from everything else. */
const ADOPTIONS_PER_FLUSH = 100;

/**
 * One term of writing: from a take of the writer's row to its loss. Decide, flush, act: `turn` is called again and again
 * with the events that have come in; effects follow only after the flush that made them durable was acknowledged.
 */
export class Term {
  private readonly world: World;
  private readonly dispatch: Dispatch;
  private readonly deps: EngineDeps;
  private readonly clock: EngineClock;
  private readonly session: FlushSession;
  private readonly fence: Fence;
  /** What decisions failed of late, for whoever asked for one of them. */
  private readonly poisoned: string[];

  private constructor(
    deps: EngineDeps,
    clock: EngineClock,
    session: FlushSession,
    fence: Fence,
    world: World,
    dispatch: Dispatch,
    poisoned: string[],
  ) {
    this.poisoned = poisoned;
    this.deps = deps;
    this.clock = clock;
    this.session = session;
    this.fence = fence;
    this.world = world;
    this.dispatch = dispatch;
  }

  /** Reads everything, publishes the DAGs' new versions, and puts launches of unknown fate in doubt. */
  static async begin(
    deps: EngineDeps,
    change: DagChange,
    clock: EngineClock,
    session: FlushSession,
    fence: Fence,
    launcher: Launcher,
    observer: Observer,
    post: (key: TaskKey, event: TaskEvent) => void,
  ): Promise<Term> {
    const loaded = await loadWorld(deps.store);
    const isSensor = (type: string): boolean => {
      const operator = deps.operators.get(type);
      return operator?.launch.kind === "sensor" || operator?.holdsNoSlot === true;
    };
    const poisoned: string[] = [];
    const world = new World(
      loaded,
      isSensor,
      (runId, error) => {
        deps.log.error({ err: error, runId }, "a decision failed; the run is quarantined");
        poisoned.push(`${runId} was put aside: ${error instanceof Error ? error.message : String(error)}`);
      },
      (...given) => deps.concurrencyKey(...given),
    );
    const dispatch = new Dispatch(deps, clock, world, launcher, observer, post);
    const term = new Term(deps, clock, session, fence, world, dispatch, poisoned);
    for (const runId of [...world.runs.keys()]) world.decideRun(runId, { kind: "taken_over" }, term.context());
    await term.publish(change);
    return term;
  }

  /** Publishes what differs from the stored versions; a DAG whose file is gone is planned no more (rule 28). */
  async publish({ dags, gone }: DagChange): Promise<void> {
    await this.flush();
    const idsOf = (of: DagChange["dags"]): string[] => of.map(({ spec }) => spec.dagId);
    const hashes = await currentHashes(this.deps.store, idsOf(dags));
    const changed = dags.filter(({ spec, versionHash }) => hashes.get(spec.dagId) !== versionHash);
    await knowDags(this.deps.store, this.world, idsOf(changed));
    for (const dag of changed) {
      const publication = nextVersion(this.world, dag, () => newRunId(this.clock.now()));
      if (publication) this.world.enterVersion(publication);
    }
    for (const dagId of idsOf(dags)) this.world.planner.change(dagId, { isStale: false }, this.clock.now());
    for (const dagId of gone) this.world.planner.change(dagId, { isStale: true }, this.clock.now());
    await this.flush();
  }

  /** Takes in what has happened, decides, makes it durable, and acts on it. */
  async turn(facts: readonly Fact[], readInbox: boolean): Promise<void> {
    for (const { key, event } of facts) this.decideTask(key, event);
    if (readInbox) await this.readInbox();
    if (this.deps.plans) await this.plan();
    await this.loadWaiting();
    this.world.endOverdueRuns(this.context());
    this.world.startRuns(this.context());
    await this.readPasts();
    this.world.makeInstances(this.context());
    await this.readPrevSuccesses();
    this.prepareReady();
    this.world.admit(this.context());
    await this.flush();
  }

  /** The last turn of a process that stops in order: what came in is written, and nothing new is begun. */
  async drain(facts: readonly Fact[]): Promise<void> {
    for (const { key, event } of facts) this.decideTask(key, event);
    const taken = this.world.takePending();
    if (taken && !taken.batch.isEmpty) await this.write(taken.batch.batch());
  }

  /** When something is due although nothing happens. */
  get nextDueAt(): number {
    const { planner, nextStartAt, hasMore } = this.world;
    if (hasMore) return 0;
    return Math.min(this.dispatch.nextDueAt, nextStartAt, this.deps.plans ? planner.nextAt : Infinity);
  }

  /** Whether every run has ended and nothing is owed but a late search. */
  get isIdle(): boolean {
    return this.world.isSettled;
  }

  private context(): DecisionContext {
    const { deps, clock, world } = this;
    return {
      now: clock.now(),
      settings: deps.settings,
      installationId: world.installationId,
      launchOf: (operator) => deps.operators.get(operator)?.launch ?? { kind: "at_least_once" },
      priceOf: (usageKind) => deps.priceOf(usageKind),
      sha256,
    };
  }

  private decideTask(key: TaskKey, event: TaskEvent): void {
    this.world.decideTask(key, event, this.context());
  }

  /** Makes the runs that schedules want, and decides the deadlines that have passed. */
  private async plan(): Promise<void> {
    const { planner } = this.world;
    const { now } = this.context();
    const states = planner.takeDue(now);
    await knowDags(this.deps.store, this.world, [...states.map(({ dagId }) => dagId), ...planner.dagsOfPassed(now)]);
    const due = planner.due(now, states);
    const wishes = due.map(({ state, plan }) => ({
      dagId: state.dagId,
      logicalAts: plan.runs.map(({ logicalAt }) => logicalAt),
    }));
    // A date taken between this look and the flush is a conflict: everything is read again and planned anew.
    const taken = wishes.some(({ logicalAts }) => logicalAts.length > 0)
      ? await takenDates(this.deps.store, wishes)
      : [];
    const takenOf = groupBy(taken, ({ dagId }) => dagId);
    for (const each of due) {
      try {
        planner.enter(each, takenOf.get(each.state.dagId) ?? [], () => newRunId(now), now);
      } catch (error) {
        // One DAG whose schedule cannot be planned must not stop the others' nights (rule 7).
        this.deps.log.error({ err: error, dagId: each.state.dagId }, "a schedule could not be planned");
      }
    }
    planner.assets.enter(() => newRunId(now), now);
    planner.decideDeadlines({ ...this.context(), now });
  }

  /** What runs had before that are to be made again is read when they start, and not while they wait (rule 33). */
  private async loadWaiting(): Promise<void> {
    const runIds = this.world.unloaded(this.clock.now());
    if (runIds.length === 0) return;
    // Memory and rows must be of one mind about them.
    await this.flush();
    for (const rows of await loadRuns(this.deps.store, runIds)) this.world.load(rows);
  }

  /** What the tasks of a run wait for in the run before is read once; memory follows its changes. */
  private async readPasts(): Promise<void> {
    const { pasts } = this.world;
    if (pasts.wishes().length > 0) {
      // The run before may be one that has just been made.
      await this.flush();
      for (const [runId, past] of await loadPasts(this.deps.store, pasts.wishes())) pasts.know(runId, past);
    }
    this.world.followPasts(this.context());
  }

  /** The last success before a run is read once, where its templates name it and before the first of them is rendered. */
  private async readPrevSuccesses(): Promise<void> {
    const wishes = prevSuccessWishes(this.unprepared().map(({ active }) => active));
    if (wishes.length === 0) return;
    // That run may have ended just now.
    await this.flush();
    rememberPrevSuccesses(this.world.runs, wishes, await loadPrevSuccesses(this.deps.store, wishes));
  }

  private unprepared(): readonly Touched[] {
    return this.world.unprepared(this.deps.settings.maxNewRowsPerFlush);
  }

  private prepareReady(): void {
    for (const candidate of this.unprepared()) {
      const { active, position } = candidate;
      const node = active.nodes[position];
      const request = node && prepareRequest(active, position, node, this.world.variables.values);
      const prepared = request && this.prepare(request);
      if (prepared) this.decideTask(node.task, this.prepared(candidate, request, prepared));
    }
  }

  private prepared(candidate: Touched, request: PrepareRequest, prepared: Prepared): TaskEvent {
    switch (prepared.kind) {
      case "ready":
        this.dispatch.remember(prepared.hash, prepared.params);
        return { ...prepared, kind: "prepared" };
      case "refused":
        return { ...prepared, kind: "unpreparable" };
      case "unwanted":
        return prepared;
      case "mapped":
        return { ...prepared, kind: "expanded" };
      case "listed":
        return { kind: "listing", read: this.dispatch.readList(candidate, prepared.uri, request) };
    }
  }

  /** null: rendering threw, which is our bug; the run is put aside (rule 7). */
  private prepare(request: PrepareRequest): Prepared | null {
    try {
      return this.deps.prepare(request);
    } catch (error) {
      const { runId } = request.run;
      this.deps.log.error({ err: error, runId }, "rendering failed; the run is quarantined");
      this.world.quarantine(runId, error instanceof Error ? error.message : String(error));
      return null;
    }
  }

  private async readInbox(): Promise<void> {
    let adopted = 0;
    const { store } = this.deps;
    const commands = await pendingCommands(store);
    const fresh = await newRuns(store, this.world, commands);
    for (const command of commands) {
      const adopts = isAdoption(command);
      // Any other reads from the database what events and commands before it have made; runs that somebody else inserted do
      // not meet, and go with what the turn decides next.
      if (!adopts || ++adopted % ADOPTIONS_PER_FLUSH === 0) await this.flush();
      this.poisoned.length = 0;
      const answer: CommandResult = await applyCommand(store, this.world, command, this.context(), fresh).catch(
        (error: unknown) => {
          // The wish is not at fault: it is read again with everything else. One that only takes too long is answered, or it
          // would come for ever; but for a run that is there and was promised, of which nobody would know.
          if (isDatabaseAway(error) && (adopts || !isCancelled(error))) throw error;
          this.deps.log.error({ err: error, command: command.id }, "a command failed");
          return {
            ok: false,
            code: "INTERNAL",
            message: error instanceof Error ? error.message : String(error),
          } as const;
        },
      );
      const [failed] = this.poisoned;
      const result = failed === undefined ? answer : ({ ok: false, code: "INTERNAL", message: failed } as const);
      this.world.gathered.applied(command.id, result);
      const audit = auditOf(command, result, this.clock.now());
      if (audit) this.world.gathered.audit(audit);
      if (!adopts) await this.flush();
    }
  }

  private async flush(): Promise<void> {
    const taken = this.world.takePending();
    if (taken && !taken.batch.isEmpty) await this.write(taken.batch.batch());
    this.dispatch.run(taken?.touched ?? []);
  }

  private async write(batch: FlushBatch): Promise<void> {
    this.dispatch.intend(batch.attemptsCreated);
    const sentAt = this.clock.mark();
    const outcome = await flush(this.session, this.fence, batch);
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
      const aside = quarantineBatch(part, this.world.runs.get(part.runId)?.run, outcome.message);
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

/** A statement that was cancelled, by its timeout or by somebody. */
const isCancelled = (error: unknown): boolean => (error as { readonly code?: unknown }).code === "57014";
