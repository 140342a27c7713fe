import type { Instant, Json } from "../core/json.ts";
import { specAt } from "../core/machine/active-run.ts";
import { attemptKey } from "../core/machine/run-draft.ts";
import type { Touched } from "../core/machine/touches.ts";
import type { AnyOperator, Observation, Observed } from "../core/operator.ts";
import { firstLookMs, pollDelayMs } from "../core/poll-interval.ts";
import type { Attempt } from "../core/records.ts";
import type { TaskOfDag } from "../store/task-durations.ts";
import type { EngineClock } from "./clock.ts";
import type { EngineDeps } from "./deps.ts";
import { operatorContext } from "./launch-context.ts";
import { attemptName, type Post } from "./launcher.ts";
import { LookGroups, type LookGroup, type Watched } from "./look-groups.ts";
import type { LookRoom } from "./look-room.ts";
import { TaskMedians } from "./task-medians.ts";

/** A remote job that is looked at from time to time. */
interface Watch extends Watched {
  readonly touched: Touched;
  readonly attempt: Attempt;
  readonly ref: Json;
  readonly since: number;
  /** What the last look told of a job that goes on: the same again is no news. */
  said: string;
  /** A look at it is under way. */
  isBusy: boolean;
  /** How many looks in a row have gone wrong: after the first, the next one is its own. */
  failures: number;
}

const LOG_LINES = 20;
const LOOK_LIMIT_MS = 30_000;

/** Looks at remote jobs in batches, by operator and connection. An error of a look is not a result: it looks again. */
export class Observer {
  private readonly watches = new Map<string, Watch>();
  private readonly groups = new LookGroups<Watch>();
  private readonly deps: EngineDeps;
  private readonly clock: EngineClock;
  private readonly post: Post;
  private readonly room: LookRoom;
  private readonly medians: TaskMedians;
  /** What was submitted before is from an earlier term. */
  private readonly beganAt: Instant;
  /** Those of it that one call shows together, as they came. */
  private readonly fromBefore = new Map<string, number>();
  private timer: NodeJS.Timeout | null = null;
  private armedFor = Infinity;
  private isStopped = false;

  constructor(deps: EngineDeps, clock: EngineClock, post: Post, room: LookRoom) {
    this.deps = deps;
    this.clock = clock;
    this.post = post;
    this.room = room;
    this.medians = new TaskMedians(deps);
    this.beganAt = clock.now();
  }

  /** Looks at the attempt's job until a look says that it ended. */
  watch(touched: Touched, attempt: Attempt): void {
    const name = attemptName(attempt);
    const { ref } = attempt;
    if (ref === null || this.watches.get(name)?.touched.active === touched.active) return;
    const since = attempt.submittedAt ?? this.clock.now();
    const times = { dueAt: Infinity, askedAt: 0, group: "" };
    const watch: Watch = { touched, attempt, ref, since, said: "", failures: 0, isBusy: false, ...times };
    this.watches.set(name, watch);
    this.lookAgain(watch, this.firstLookMs(watch));
  }

  /** After a takeover everything would be looked at at once; what can be looked at together stays together (rule 21). */
  private firstLookMs(watch: Watch): number {
    const { settings, operators } = this.deps;
    const { attempt, since } = watch;
    const isRemote = operators.get(attempt.operator)?.launch.kind !== "in_process";
    const isFromBefore = since < this.beganAt && (attempt.state === "open" || attempt.state === "orphan");
    if (!isFromBefore || !isRemote) return settings.pollMinMs;
    const group = this.groupOf(watch);
    const nth = this.fromBefore.get(group) ?? this.fromBefore.size;
    this.fromBefore.set(group, nth);
    return firstLookMs(settings, nth);
  }

  /** A look at the attempt's job is wanted soon: it has just been asked to stop. */
  hurry(attempt: Attempt): void {
    const watch = this.watches.get(attemptName(attempt));
    if (watch) this.lookAgain(watch, this.deps.settings.pollMinMs);
  }

  stop(): void {
    this.isStopped = true;
    if (this.timer) clearTimeout(this.timer);
    this.watches.clear();
  }

  /** After `delayMs` of the engine's time, or earlier where that was asked for already. */
  private lookAgain(watch: Watch, delayMs: number): void {
    const now = performance.now();
    const at = now + this.clock.realMs(delayMs);
    if (watch.dueAt <= at) return;
    watch.dueAt = at;
    watch.askedAt = now;
    watch.group = this.groupOf(watch);
    this.groups.put(watch);
    this.arm();
  }

  private groupOf({ touched, attempt, ref, failures }: Watch): string {
    const { operator, connection } = attempt;
    const region = specAt(touched.active, touched.position).region ?? "";
    const together = this.deps.operators.get(operator)?.shownTogether?.(ref) ?? "";
    // One that cannot be looked at must not hide those that were asked about together with it.
    const alone = failures > 0 ? attemptName(attempt) : "";
    return [operator, connection, region, together, alone].join("/");
  }

  private arm(): void {
    const { nextAt } = this.groups;
    if (this.isStopped || nextAt >= this.armedFor) return;
    this.armedFor = nextAt;
    if (this.timer) clearTimeout(this.timer);
    this.timer = setTimeout(() => this.lookAtDue(), Math.max(0, nextAt - performance.now()));
  }

  private lookAtDue(): void {
    this.armedFor = Infinity;
    const now = performance.now();
    for (const group of this.groups.due(now)) {
      const due = this.wanted(group.takeDue(now));
      this.groups.again(group);
      if (due.length > 0) void this.lookAtGroup(group, due);
    }
    this.arm();
  }

  /** Of those that were taken the ones to look at; they are busy until a look has told of them. */
  private wanted(taken: readonly Watch[]): Watch[] {
    return taken.filter((watch) => {
      if (!isOwed(watch)) {
        this.forget(watch);
        return false;
      }
      // What has been asked for while its look was under way comes after it.
      if (watch.isBusy) {
        this.lookAgain(watch, this.deps.settings.pollMinMs);
        return false;
      }
      watch.isBusy = true;
      return true;
    });
  }

  private async lookAtGroup(group: LookGroup<Watch>, due: Watch[]): Promise<void> {
    const waiting = [...due];
    let asked: readonly Watch[] = due;
    try {
      const operator = await this.deps.operator(due[0]?.attempt.operator ?? "");
      const { batchSize } = operator;
      if (this.deps.operators.get(operator.type)?.shownTogether && due.length % batchSize > 0) {
        const places = batchSize - (due.length % batchSize);
        waiting.push(...this.wanted(group.takeEarly(performance.now(), places)));
      }
      while (waiting.length > 0 && !this.isStopped) {
        asked = waiting.splice(0, batchSize);
        await this.lookInTurn(operator, asked);
      }
    } catch (error) {
      this.deps.log.warn({ err: error, group: group.name }, "a look failed; it is tried again");
      // Only who was asked about is asked about alone; the others have not had their look.
      for (const watch of asked) if (watch.isBusy) this.lookAgainAfter(watch, ++watch.failures);
      for (const watch of waiting) this.lookAgainAfter(watch, 1);
    }
  }

  private lookAgainAfter(watch: Watch, failures: number): void {
    const { pollMinMs, pollMaxMs } = this.deps.settings;
    watch.isBusy = false;
    this.lookAgain(watch, Math.min(pollMaxMs, pollMinMs * 2 ** (failures + 1)));
  }

  /** Where more events wait than the writer keeps up with, a look waits too (rule 33). */
  private async lookInTurn(operator: AnyOperator, watches: readonly Watch[]): Promise<void> {
    await this.room.enter(watches.length);
    try {
      if (!this.isStopped) await this.look(operator, watches);
    } finally {
      this.room.leave(watches.length);
    }
  }

  private async look(operator: AnyOperator, watches: readonly Watch[]): Promise<void> {
    const signal = AbortSignal.timeout(LOOK_LIMIT_MS);
    const jobs = watches.map((watch): Observed => {
      const context = operatorContext(this.deps, watch.touched, watch.attempt, signal, () => this.clock.now());
      return { ref: watch.ref, launchKey: watch.attempt.launchKey, context };
    });
    const observations = await operator.observe(jobs, signal);
    if (observations.length !== jobs.length) {
      throw new Error(`${operator.type} answered ${observations.length} observations for ${jobs.length} jobs`);
    }
    for (const [index, watch] of watches.entries()) {
      const observation = observations[index];
      const job = jobs[index];
      if (observation && job) await this.tell(operator, watch, job, observation);
    }
  }

  private async tell(operator: AnyOperator, watch: Watch, job: Observed, observation: Observation): Promise<void> {
    const { attempt } = watch;
    const { tryNumber } = attempt;
    watch.isBusy = false;
    watch.failures = 0;
    const goesOn = observation.kind === "running" || observation.kind === "unseen";
    if (!goesOn) this.forget(watch);
    else {
      const wish = observation.kind === "running" ? observation.pollAfterMs : undefined;
      // An operator that says when it wants to be asked needs no median.
      const median = wish === undefined ? this.medians.of(taskOf(watch)) : null;
      this.lookAgain(watch, pollDelayMs(this.deps.settings, this.clock.now() - watch.since, median, wish));
    }
    if (observation.kind === "succeeded" && attempt.state === "open") {
      this.medians.succeeded(taskOf(watch), this.clock.now() - watch.since);
    }
    const said = observation.kind === "running" ? JSON.stringify([observation.detail, observation.usage]) : "";
    if (said !== "" && said === watch.said) return;
    watch.said = said;
    const logTail = observation.kind === "failed" ? await this.logTail(operator, job) : [];
    this.post(attempt, { kind: "observed", tryNumber, observation, logTail });
  }

  /** Another may have taken its place: the run was read anew. */
  private forget(watch: Watch): void {
    const name = attemptName(watch.attempt);
    if (this.watches.get(name) === watch) this.watches.delete(name);
  }

  private async logTail(operator: AnyOperator, job: Observed): Promise<string[]> {
    if (!operator.logTail) return [];
    try {
      return await operator.logTail(job.ref, job.context, LOG_LINES);
    } catch (error) {
      this.deps.log.warn({ err: error, launchKey: job.launchKey }, "the log of a failed job could not be read");
      return [];
    }
  }
}

/** Whether the attempt still waits for what a look would show: it may have ended otherwise, or its run have left. */
function isOwed({ touched, attempt }: Watch): boolean {
  const { active, position } = touched;
  if (active.isGone) return false;
  const newest = active.nodes[position]?.attempt;
  const current = newest?.tryNumber === attempt.tryNumber ? newest : active.settling.get(attemptKey(attempt));
  return (
    current !== undefined &&
    ((current.state !== "succeeded" && current.state !== "failed") || current.settleAt !== null)
  );
}

const taskOf = ({ touched, attempt }: Watch): TaskOfDag => ({
  dagId: touched.active.run.dagId,
  taskNo: attempt.taskNo,
});
