import type { DagSpec } from "../dag.ts";
import type { Instant } from "../json.ts";
import { failureNews, missNews, oldMissesNews, pauseNews } from "../notify/news.ts";
import { mailsFor, type News } from "../notify/mails.ts";
import type { DagRun, DagState, Deadline, TakenDate } from "../records.ts";
import type { LoadedWorld } from "../flush-batch.ts";
import type { DuePlan } from "../schedule/due-plan.ts";
import { planDue } from "../schedule/plan.ts";
import { dagRunIdFor } from "../schedule/runs.ts";
import type { ActiveRun } from "./active-run.ts";
import type { CompiledDag } from "./compiled-dag.ts";
import { Consumers } from "./consumers.ts";
import { Deadlines } from "./deadlines.ts";
import type { DecisionContext } from "./events.ts";
import type { PendingFlush } from "./pending-flush.ts";
import { Schedules } from "./schedules.ts";

/** A schedule that has come due, and what it wants. */
export interface DueSchedule {
  readonly state: DagState;
  readonly dag: CompiledDag;
  readonly plan: DuePlan;
}

/** What planning needs of the world around it. */
interface Surroundings {
  currentDag(dagId: string): CompiledDag | null;
  activeRun(runId: string): ActiveRun | undefined;
  enterRun(run: DagRun): void;
  /** How many runs of the DAG wait for their turn. */
  waitingRuns(dagId: string): number;
  /** Whether a run of the DAG that changed assets made waits for its turn. */
  hasAssetRun(dagId: string): boolean;
  /** Whether a run of the DAG is under way, or one of its schedule waits. */
  hasOpenRun(dagId: string): boolean;
  readonly gathered: PendingFlush;
}

/** How many runs of one DAG are planned at a time: a long catch-up goes in steps (rule 6). */
const MOST_RUNS = 50;
/** How many DAGs are planned at a time. */
const MOST_DAGS = 100;
/** How many may wait in memory before more are planned: a catch-up of years goes on as its runs end (rule 33). */
const MOST_WAITING = 1_000;

/** Time's own part in the world: schedules that come due, deadlines that pass, and the mails both owe. */
export class Planner {
  private readonly schedules: Schedules;
  private readonly deadlines: Deadlines;
  private readonly world: Surroundings;
  /** DAGs that run when assets have changed. */
  readonly assets: Consumers;
  /** DAGs whose schedule is due although enough of their runs wait, or a continuous one's is open: until one has ended. */
  private readonly heldBack = new Set<string>();

  constructor(
    loaded: Pick<LoadedWorld, "dags" | "deadlines" | "assetQueue" | "versions" | "currentVersion" | "unscheduled">,
    world: Surroundings,
  ) {
    this.world = world;
    this.schedules = new Schedules(loaded.dags, loaded.unscheduled);
    this.deadlines = new Deadlines(loaded.deadlines, (before, after) => world.gathered.deadline(before, after));
    this.assets = new Consumers(currentSpecs(loaded), loaded.assetQueue, {
      ...world,
      state: (dagId) => this.state(dagId),
      get gathered() {
        return world.gathered;
      },
    });
  }

  isPaused(dagId: string): boolean {
    return this.schedules.isPaused(dagId);
  }

  state(dagId: string): DagState | null {
    return this.schedules.state(dagId);
  }

  /** A DAG is new, or has a new version: publishing it has made its row, and what its schedule wants is asked anew. */
  published(spec: DagSpec): void {
    const known = this.schedules.state(spec.dagId);
    const fresh = { dagId: spec.dagId, isPaused: spec.paused, scheduledUntil: null, nextDueAt: null, failedRuns: 0 };
    this.schedules.put({ ...fresh, ...known, isStale: false }, true);
    this.assets.published(spec);
  }

  /**
   * Changes a DAG's state; false: it was so already. From then on nobody waits for the runs that are not there: their
   * deadlines are dropped, and those that are still ahead come back with the schedule.
   */
  change(dagId: string, changes: Partial<Pick<DagState, "isPaused" | "isStale">>, now: Instant): boolean {
    const state = this.schedules.state(dagId);
    if (!state) return false;
    // Whoever unpauses it has seen what failed.
    const isUnpaused = state.isPaused && changes.isPaused === false;
    const after = { ...state, ...changes, ...(isUnpaused ? { failedRuns: 0 } : {}) };
    if (after.isPaused === state.isPaused && after.isStale === state.isStale) return false;
    this.world.gathered.dag(state, after);
    this.schedules.put(after, true);
    this.assets.look(dagId);
    if (after.isPaused || after.isStale) {
      for (const deadline of this.deadlines.of(dagId)) {
        if (deadline.runId === null) this.deadlines.decide(deadline, "dropped", now);
      }
    }
    return true;
  }

  /** The DAGs whose schedules are looked at next, a few at a time: at midnight thousands come due at once (rule 6). */
  takeDue(now: Instant): DagState[] {
    return this.schedules.take(now, MOST_DAGS);
  }

  /** DAGs with deadlines to be decided at `now`. */
  dagsOfPassed(now: Instant): string[] {
    return this.deadlines.dagsOfPassed(now);
  }

  /** What the schedule of a DAG wants at `now`, if it has one that may go on; nothing is changed until `enter`. */
  due(now: Instant, state: DagState): DueSchedule | null {
    const { dagId } = state;
    const dag = this.world.currentDag(dagId);
    if (!dag) return null;
    const { spec } = dag.version;
    const isHeld = spec.schedule?.isContinuous
      ? this.world.hasOpenRun(dagId)
      : this.world.waitingRuns(dagId) >= MOST_WAITING;
    if (!isHeld) return { state, dag, plan: planDue(spec, state, now, MOST_RUNS) };
    this.heldBack.add(dagId);
    return null;
  }

  /** Makes the runs that a schedule wants, but for dates that are taken: those runs stand for the night. */
  enter({ state, dag, plan }: DueSchedule, taken: readonly TakenDate[], newId: () => string, now: Instant): void {
    const { spec, versionId } = dag.version;
    const byDate = new Map(taken.map((each) => [each.logicalAt, each]));
    const nights = plan.runs.map((times) => {
      const known = byDate.get(times.logicalAt);
      // A deadline counts from the tick, the interval's end: jitter is no excuse.
      const dueAt = times.intervalEndAt;
      if (known) return { dueAt, runId: known.runId, known };
      const runId = newId();
      const run = {
        runId,
        dagId: spec.dagId,
        dagRunId: dagRunIdFor("scheduled", times.logicalAt),
        versionId,
        ...times,
      };
      this.world.enterRun({ ...run, ...SCHEDULED, queuedAt: now });
      return { dueAt, runId, known: null };
    });
    const passedOver = plan.passedOver.map((dueAt) => ({ dueAt, runId: null }));
    const hasBegun = (runId: string): boolean => this.world.activeRun(runId)?.run.state !== "queued";
    this.deadlines.planned(spec, [...passedOver, ...nights], plan.nextDueAt, hasBegun, now);
    for (const { runId, known } of nights) {
      if (known?.state === "success" && known.endedAt !== null) this.finished(runId, known.endedAt, now);
    }
    const after = { ...state, scheduledUntil: plan.scheduledUntil, nextDueAt: plan.nextDueAt };
    if (after.scheduledUntil !== state.scheduledUntil || after.nextDueAt !== state.nextDueAt) {
      this.world.gathered.dag(state, after);
    }
    this.schedules.put(after);
  }

  /** A run has ended: in success it meets what has not passed, in failure people are told. */
  ended(active: ActiveRun, context: DecisionContext): void {
    const { run } = active;
    this.madeRoom(run.dagId);
    if (run.state === "success" && run.endedAt !== null) this.finished(run.runId, run.endedAt, context.now);
    // Whoever cancelled it knows, and a run that left itself out did as its DAG says.
    if (run.state === "failed" && !isUnsaid(run)) {
      this.tell(active.dag.version.spec, failureNews(active, context.now), context);
    }
    this.countFailures(active, context);
  }

  /** Pauses a DAG whose runs fail one after the other (max_consecutive_failed_runs), and tells people of it. */
  private countFailures({ run }: ActiveRun, context: DecisionContext): void {
    const state = this.schedules.state(run.dagId);
    const spec = this.world.currentDag(run.dagId)?.version.spec;
    if (!state || !spec || run.backfillId !== null || isUnsaid(run)) return;
    const failedRuns = run.state === "failed" ? state.failedRuns + 1 : 0;
    const most = spec.maxConsecutiveFailedRuns;
    const isTooMany = most > 0 && failedRuns >= most && !state.isPaused;
    if (failedRuns !== state.failedRuns) {
      const after = { ...state, failedRuns };
      this.world.gathered.dag(state, after);
      this.schedules.count(after);
    }
    if (!isTooMany) return;
    this.change(run.dagId, { isPaused: true }, context.now);
    this.tell(spec, pauseNews(spec, run, failedRuns, context.now), context);
  }

  /** A run of the DAG is open no more: what was held back for it is looked at again. */
  madeRoom(dagId: string): void {
    const state = this.schedules.state(dagId);
    if (state && this.heldBack.delete(dagId)) this.schedules.put(state, true);
  }

  private finished(runId: string, endedAt: Instant, now: Instant): void {
    for (const deadline of this.deadlines.ofRunId(runId)) {
      if (endedAt <= deadline.deadlineAt) this.deadlines.decide(deadline, "met", now);
    }
  }

  /** Decides the deadlines that have passed: each is missed once, and told once (sla-and-budget). */
  decideDeadlines(context: DecisionContext): void {
    const { now, settings } = context;
    const old = new Map<string, Deadline[]>();
    // A long catch-up is planned in steps: until the last, a deadline that was there before still leads to the next.
    const isBeingPlanned = (dagId: string): boolean => this.schedules.isDue(dagId, now);
    for (const deadline of this.deadlines.passed(now, isBeingPlanned)) {
      const { dagId, runId } = deadline;
      const state = this.schedules.state(dagId);
      const isHeld = runId === null && (state === null || state.isPaused || state.isStale);
      this.deadlines.decide(deadline, isHeld ? "dropped" : "missed", now);
      const spec = this.world.currentDag(dagId)?.version.spec;
      if (isHeld || !spec) continue;
      if (now - deadline.deadlineAt > settings.alertWindowMs) old.set(dagId, [...(old.get(dagId) ?? []), deadline]);
      else this.tell(spec, missNews(spec, deadline, this.world.activeRun(runId ?? "") ?? null, now), context);
    }
    for (const [dagId, misses] of old) {
      const spec = this.world.currentDag(dagId)?.version.spec;
      if (spec) this.tell(spec, oldMissesNews(spec, misses, now), context);
    }
  }

  private tell(spec: DagSpec, news: News, context: DecisionContext): void {
    for (const mail of mailsFor(spec.notify, news, context)) this.world.gathered.mail(mail);
  }

  /** When time alone changes something next. */
  get nextAt(): Instant {
    return this.assets.isDue ? 0 : Math.min(this.schedules.nextAt, this.deadlines.nextAt);
  }
}

/** Ended by a person, or left out by its concurrency key: nobody is told, and it is not counted as a failure. */
const isUnsaid = ({ ending }: DagRun): boolean => ending?.cause === "cancel" || ending?.cause === "skip";

const SCHEDULED = {
  runType: "scheduled",
  backfillId: null,
  conf: {},
  state: "queued",
  startedAt: null,
  endedAt: null,
  triggeredBy: "scheduler",
  quarantine: null,
  ending: null,
  budgetLevel: "ok",
  onlyTasks: null,
} as const;

/** By itself: a closure beside those that stay would keep all that was loaded. */
const currentSpecs = ({ versions, currentVersion }: Pick<LoadedWorld, "versions" | "currentVersion">): DagSpec[] =>
  versions.filter(({ dagId, versionId }) => currentVersion[dagId] === versionId).map(({ spec }) => spec);
