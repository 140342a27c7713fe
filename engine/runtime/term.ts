import { auditOf } from "../core/audit.ts";
import { nextVersion } from "../core/machine/publish.ts";
import { prevSuccessWishes, rememberPrevSuccesses } from "../core/machine/prev-success.ts";
import type { DecisionContext, TaskEvent } from "../core/machine/events.ts";
import type { Touched } from "../core/machine/touches.ts";
import { World } from "../core/machine/world.ts";
import type { Prepared } from "../core/prepared.ts";
import type { TaskKey } from "../core/records.ts";
import type { Command, CommandResult } from "../core/commands.ts";
import type { FlushSession } from "../store/flush.ts";
import { groupBy } from "../store/group-by.ts";
import { currentHashes, loadRuns, loadWorld, takenDates } from "../store/load.ts";
import { loadPasts } from "../store/past.ts";
import { loadPrevSuccesses } from "../store/prev-success.ts";
import { isPending, pendingCommands } from "../store/inbox.ts";
import { isDatabaseAway } from "../store/read-models/health.ts";
import type { Fence } from "../store/writer-row.ts";
import type { EngineClock } from "./clock.ts";
import type { DagChange, EngineDeps, PrepareRequest } from "./deps.ts";
import { Dispatch } from "./dispatch.ts";
import { Flushes, type Flushing } from "./flushes.ts";
import { newRunId, sha256 } from "./ids.ts";
import { applyCommand, isAdoptionAtHand } from "./inbox.ts";
import { knowDags } from "./know-dags.ts";
import { prepareRequest } from "./prepare-request.ts";
import type { Launcher } from "./launcher.ts";
import type { Observer } from "./observer.ts";
import type { Fact } from "./facts.ts";
import { Wishes, type Found } from "./wishes.ts";

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
  /** What decisions failed of late, for whoever asked for one of them. */
  private readonly poisoned: string[];
  private readonly flushes: Flushes;
  private readonly wishes: Wishes;
  private readonly surroundings: Omit<DecisionContext, "now">;

  private constructor(
    deps: EngineDeps,
    clock: EngineClock,
    world: World,
    dispatch: Dispatch,
    poisoned: string[],
    flushes: Flushes,
    wishes: Wishes,
  ) {
    this.poisoned = poisoned;
    this.flushes = flushes;
    this.wishes = wishes;
    this.deps = deps;
    this.clock = clock;
    this.world = world;
    this.dispatch = dispatch;
    this.surroundings = {
      settings: deps.settings,
      installationId: world.installationId,
      launchOf: (operator) => deps.operators.get(operator)?.launch ?? { kind: "at_least_once" },
      decide: (operator, params) => deps.operators.get(operator)?.decide?.(params) ?? null,
      priceOf: (usageKind) => deps.priceOf(usageKind),
      sha256,
    };
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
    hears: Flushing,
  ): Promise<Term> {
    const loaded = await loadWorld(deps.store);
    const kinds = {
      isSensor: (type: string): boolean => {
        const operator = deps.operators.get(type);
        return operator?.launch.kind === "sensor" || operator?.holdsNoSlot === true;
      },
      isInstant: (type: string): boolean => deps.operators.get(type)?.decide !== undefined,
    };
    const poisoned: string[] = [];
    const world = new World(
      loaded,
      kinds,
      (runId, error) => {
        deps.log.error({ err: error, runId }, "a decision failed; the run is quarantined");
        poisoned.push(`${runId} was put aside: ${error instanceof Error ? error.message : String(error)}`);
      },
      (...given) => deps.concurrencyKey(...given),
    );
    const dispatch = new Dispatch(deps, clock, world, launcher, observer, post);
    const flushes = new Flushes(deps, clock, session, fence, world, dispatch, hears);
    const waiting = loaded.runs.filter(({ state, backfillId }) => state === "queued" && backfillId === null);
    const ids = new Set(waiting.map(({ runId }) => runId));
    const wishes = new Wishes(deps.store, world, flushes, ids, () => hears.wake());
    const term = new Term(deps, clock, world, dispatch, poisoned, flushes, wishes);
    for (const runId of [...world.runs.keys()]) world.decideRun(runId, { kind: "taken_over" }, term.context());
    await term.publish(change);
    // What has been cancelled or paused while nobody wrote is not begun first.
    await wishes.look();
    return term;
  }

  /** Publishes what differs from the stored versions; a DAG whose file is gone is planned no more (rule 28). */
  async publish({ dags, gone }: DagChange): Promise<void> {
    await this.flushes.all();
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
    await this.flushes.all();
  }

  /** Something may have come into the inbox. */
  readInbox(): void {
    this.wishes.ring();
  }

  /** Whether nothing waits there that is not carried out and durable. */
  async isInboxEmpty(): Promise<boolean> {
    return (await pendingCommands(this.deps.store)).length === 0;
  }

  /** Waits until what was decided is on its way: the next turn is decided while Postgres writes. */
  departed(): Promise<void> {
    return this.flushes.departed();
  }

  /** Takes in what has happened, decides, makes it durable, and acts on it. */
  async turn(facts: readonly Fact[]): Promise<void> {
    this.flushes.check();
    this.flushes.hold();
    this.decide(facts);
    await this.carryOutWishes();
    if (this.deps.plans) await this.plan();
    await this.loadWaiting();
    this.world.endOverdueRuns(this.context());
    this.world.startRuns(this.context());
    await this.readPasts();
    this.world.makeInstances(this.context());
    await this.prepareAndAdmit();
    this.flushes.complete();
  }

  /** Nothing is carried out any more, whatever is still acknowledged. */
  end(): void {
    this.flushes.end();
  }

  /** Before a process stops in order: an intent is sent by whoever wrote it, or the next writer would doubt it. */
  async settle(): Promise<void> {
    await this.flushes.all();
  }

  /** The last turn of a process that stops in order: what came in is written, and nothing new is begun. */
  async drain(facts: readonly Fact[]): Promise<void> {
    this.flushes.hold();
    this.decide(facts);
    await this.flushes.last();
  }

  /** When something is due although nothing happens. */
  get nextDueAt(): number {
    const { planner, nextStartAt } = this.world;
    if (this.world.hasMore(this.deps.settings)) return 0;
    // Its end wakes whoever waits.
    if (this.flushes.isUnderWay) return Infinity;
    return Math.min(this.dispatch.nextDueAt, nextStartAt, this.deps.plans ? planner.nextAt : Infinity);
  }

  /** Whether every run has ended and nothing is owed but a late search. */
  get isIdle(): boolean {
    return this.isDurable && this.world.isSettled;
  }

  /** Whether all that has been decided is durable. */
  get isDurable(): boolean {
    return this.flushes.isDurable;
  }

  private context(): DecisionContext {
    return { ...this.surroundings, now: this.clock.now() };
  }

  private decide(facts: readonly Fact[]): void {
    const context = this.context();
    for (const { key, event } of facts) this.world.decideTask(key, event, context);
  }

  /** Makes the runs that schedules want, and decides the deadlines that have passed. */
  private async plan(): Promise<void> {
    const { planner } = this.world;
    const { now } = this.context();
    const states = planner.takeDue(now);
    await knowDags(this.deps.store, this.world, [...states.map(({ dagId }) => dagId), ...planner.dagsOfPassed(now)]);
    const due = states.flatMap((state) => this.tryPlan(state.dagId, () => planner.due(now, state)) ?? []);
    const wishes = due.map(({ state, plan }) => ({
      dagId: state.dagId,
      logicalAts: plan.runs.map(({ logicalAt }) => logicalAt),
    }));
    const hasWishes = wishes.some(({ logicalAts }) => logicalAts.length > 0);
    // The run that has a date may have ended in what is not written yet.
    if (hasWishes) await this.flushes.all();
    // A date taken between this look and the flush is a conflict: everything is read again and planned anew.
    const taken = hasWishes ? await takenDates(this.deps.store, wishes) : [];
    const takenOf = groupBy(taken, ({ dagId }) => dagId);
    for (const each of due) {
      const { dagId } = each.state;
      this.tryPlan(dagId, () => planner.enter(each, takenOf.get(dagId) ?? [], () => newRunId(now), now));
    }
    // The runs are on their way, whatever becomes of this process while it makes their tasks (rule 6).
    if (hasWishes) {
      this.flushes.send();
      await this.flushes.departed();
    }
    planner.assets.enter(() => newRunId(now), now);
    planner.decideDeadlines({ ...this.context(), now });
  }

  /** One DAG whose schedule cannot be planned must not stop the others' nights (rule 7). */
  private tryPlan<T>(dagId: string, plan: () => T): T | undefined {
    try {
      return plan();
    } catch (error) {
      this.deps.log.error({ err: error, dagId }, "a schedule could not be planned");
      return undefined;
    }
  }

  /** What runs had before that are to be made again is read when they start, and not while they wait (rule 33). */
  private async loadWaiting(): Promise<void> {
    const runIds = this.world.unloaded(this.clock.now());
    if (runIds.length === 0) return;
    // Memory and rows must be of one mind about them.
    await this.flushes.all();
    for (const rows of await loadRuns(this.deps.store, runIds)) this.world.load(rows);
  }

  /** What the tasks of a run wait for in the run before is read once; memory follows its changes. */
  private async readPasts(): Promise<void> {
    const { pasts } = this.world;
    if (pasts.wishes().length > 0) {
      // The run before may be one that has just been made.
      await this.flushes.all();
      for (const [runId, past] of await loadPasts(this.deps.store, pasts.wishes())) pasts.know(runId, past);
    }
    this.world.followPasts(this.context());
  }

  /** The last success before a run is read once, where its templates name it and before the first of them is rendered. */
  private async readPrevSuccesses(candidates: readonly Touched[]): Promise<void> {
    const wishes = prevSuccessWishes(candidates.map(({ active }) => active));
    if (wishes.length === 0) return;
    // That run may have ended just now.
    await this.flushes.all();
    rememberPrevSuccesses(this.world.runs, wishes, await loadPrevSuccesses(this.deps.store, wishes));
  }

  /** Again where a task that asks nobody has ended with its admission, so that those after it are ready. */
  private async prepareAndAdmit(): Promise<void> {
    do {
      const candidates = this.world.takeUnprepared(this.deps.settings);
      await this.readPrevSuccesses(candidates);
      this.prepareReady(candidates);
    } while (this.world.admit(this.context()));
  }

  private prepareReady(candidates: readonly Touched[]): void {
    const context = this.context();
    for (const candidate of candidates) {
      const { active, position } = candidate;
      const node = active.nodes[position];
      const request = node && prepareRequest(active, position, node, this.world.variables.values);
      const prepared = request && this.prepare(request);
      if (prepared) this.world.decideTask(node.task, this.prepared(candidate, request, prepared), context);
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

  private async carryOutWishes(): Promise<void> {
    const found = this.wishes.take();
    if (!found) return;
    let adopted = 0;
    for (const command of found.commands) {
      const isAtHand = isAdoptionAtHand(command, this.world, found.fresh);
      // Any other reads from the database what events and commands before it have made; runs that somebody else inserted do
      // not meet, and go with what the turn decides next.
      if (!isAtHand || ++adopted % ADOPTIONS_PER_FLUSH === 0) await this.flushes.all();
      // It may have been taken back since it was found.
      if (!isAtHand && !(await isPending(this.deps.store, command.id))) continue;
      await this.carryOut(command, found);
      if (command.body.kind !== "adopt_run") await this.flushes.all();
    }
    this.wishes.next();
  }

  private async carryOut(command: Command, { fresh }: Found): Promise<void> {
    this.poisoned.length = 0;
    const answer = await applyCommand(this.deps.store, this.world, command, this.context(), fresh).catch(
      (error: unknown): CommandResult => {
        // The wish is not at fault: it is read again with everything else. One that only takes too long is answered, or it
        // would come for ever; but for a run that is there and was promised, of which nobody would know.
        if (isDatabaseAway(error) && (command.body.kind === "adopt_run" || !isCancelled(error))) throw error;
        this.deps.log.error({ err: error, command: command.id }, "a command failed");
        return { ok: false, code: "INTERNAL", message: error instanceof Error ? error.message : String(error) };
      },
    );
    const [failed] = this.poisoned;
    const result: CommandResult = failed === undefined ? answer : { ok: false, code: "INTERNAL", message: failed };
    this.world.gathered.applied(command.id, result);
    this.wishes.carried(command);
    const audit = auditOf(command, result, this.clock.now());
    if (audit) this.world.gathered.audit(audit);
  }
}

/** A statement that was cancelled, by its timeout or by somebody. */
const isCancelled = (error: unknown): boolean => (error as { readonly code?: unknown }).code === "57014";
