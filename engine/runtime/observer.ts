import type { Json } from "../core/json.ts";
import { specAt } from "../core/machine/active-run.ts";
import { attemptKey } from "../core/machine/run-draft.ts";
import type { Touched } from "../core/machine/world.ts";
import type { AnyOperator, Observation, Observed } from "../core/operator.ts";
import { pollDelayMs } from "../core/poll-interval.ts";
import type { Attempt } from "../core/records.ts";
import { Agenda } from "../core/agenda.ts";
import type { EngineClock } from "./clock.ts";
import type { EngineDeps } from "./deps.ts";
import { operatorContext } from "./launch-context.ts";
import type { Post } from "./launcher.ts";

/** A remote job that is looked at from time to time. */
interface Watch {
  readonly touched: Touched;
  readonly attempt: Attempt;
  readonly ref: Json;
  readonly since: number;
  /** What the last look told of a job that goes on: the same again is no news. */
  said: string;
  /** When it is looked at next; other entries of the agenda are stale. */
  dueAt: number;
  /** Its last look went wrong with others beside it: the next one is its own. */
  isAlone: boolean;
}

const LOG_LINES = 20;
const LOOK_LIMIT_MS = 30_000;

/** Looks at remote jobs in batches, by operator and connection. An error of a look is not a result: it looks again. */
export class Observer {
  private readonly watches = new Map<string, Watch>();
  private readonly agenda = new Agenda<string>();
  private readonly busy = new Set<string>();
  private readonly deps: EngineDeps;
  private readonly clock: EngineClock;
  private readonly post: Post;
  private timer: NodeJS.Timeout | null = null;
  private isStopped = false;

  constructor(deps: EngineDeps, clock: EngineClock, post: Post) {
    this.deps = deps;
    this.clock = clock;
    this.post = post;
  }

  /** Looks at the attempt's job until a look says that it ended. */
  watch(touched: Touched, attempt: Attempt): void {
    const name = nameOf(attempt);
    if (attempt.ref === null || this.watches.get(name)?.touched.active === touched.active) return;
    const since = attempt.submittedAt ?? this.clock.now();
    const { ref } = attempt;
    this.watches.set(name, { touched, attempt, ref, since, said: "", dueAt: Infinity, isAlone: false });
    this.lookAgain(name, pollDelayMs(this.deps.settings, this.clock.now() - since, undefined));
  }

  /** A look at the attempt's job is wanted soon: it has just been asked to stop. */
  hurry(attempt: Attempt): void {
    if (this.watches.has(nameOf(attempt))) this.lookAgain(nameOf(attempt), this.deps.settings.pollMinMs);
  }

  stop(): void {
    this.isStopped = true;
    if (this.timer) clearTimeout(this.timer);
    this.watches.clear();
  }

  /** `delayMs` of the engine's time. */
  private lookAgain(name: string, delayMs: number): void {
    const watch = this.watches.get(name);
    const at = performance.now() + this.clock.realMs(delayMs);
    if (!watch || watch.dueAt <= at) return;
    watch.dueAt = at;
    this.agenda.add(at, name);
    this.arm();
  }

  private arm(): void {
    if (this.timer) clearTimeout(this.timer);
    if (this.isStopped || this.agenda.nextAt === Infinity) return;
    this.timer = setTimeout(() => this.lookAtDue(), Math.max(0, this.agenda.nextAt - performance.now()));
  }

  private lookAtDue(): void {
    const groups = new Map<string, string[]>();
    for (const name of new Set(this.agenda.take(performance.now()))) {
      const watch = this.watches.get(name);
      if (!watch || this.busy.has(name) || watch.dueAt > performance.now()) continue;
      watch.dueAt = Infinity;
      if (!isOwed(watch)) {
        this.watches.delete(name);
        continue;
      }
      const region = specAt(watch.touched.active, watch.touched.position).region ?? "";
      const alone = watch.isAlone ? name : "";
      const group = `${watch.attempt.operator}/${watch.attempt.connection}/${region}/${alone}`;
      groups.set(group, [...(groups.get(group) ?? []), name]);
      this.busy.add(name);
    }
    for (const names of groups.values()) void this.lookAtGroup(names);
    this.arm();
  }

  private async lookAtGroup(names: readonly string[]): Promise<void> {
    const first = this.watches.get(names[0] ?? "");
    if (!first) return;
    try {
      const operator = await this.deps.operator(first.attempt.operator);
      for (let from = 0; from < names.length; from += operator.batchSize) {
        await this.look(operator, names.slice(from, from + operator.batchSize));
      }
    } catch (error) {
      this.deps.log.warn({ err: error, operator: first.attempt.operator }, "a look failed; it is tried again");
      for (const name of names) if (this.busy.has(name)) this.lookAloneAgain(name);
    } finally {
      for (const name of names) this.busy.delete(name);
    }
  }

  /** One that cannot be looked at must not hide those that were asked about together with it. */
  private lookAloneAgain(name: string): void {
    const watch = this.watches.get(name);
    if (watch) watch.isAlone = true;
    this.lookAgain(name, this.deps.settings.pollMinMs * 4);
  }

  private async look(operator: AnyOperator, names: readonly string[]): Promise<void> {
    const watches = names.map((name) => this.watches.get(name)).filter((watch) => watch !== undefined);
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
    const name = nameOf(attempt);
    const { tryNumber } = attempt;
    this.busy.delete(name);
    watch.isAlone = false;
    const goesOn = observation.kind === "running" || observation.kind === "unseen";
    if (!goesOn) this.watches.delete(name);
    else {
      const wish = observation.kind === "running" ? observation.pollAfterMs : undefined;
      this.lookAgain(name, pollDelayMs(this.deps.settings, this.clock.now() - watch.since, wish));
    }
    const said = observation.kind === "running" ? JSON.stringify([observation.detail, observation.usage]) : "";
    if (said !== "" && said === watch.said) return;
    watch.said = said;
    const logTail = observation.kind === "failed" ? await this.logTail(operator, job) : [];
    this.post(attempt, { kind: "observed", tryNumber, observation, logTail });
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

const nameOf = (attempt: Attempt): string =>
  `${attempt.runId}/${attempt.taskNo}/${attempt.mapIndex}/${attempt.tryNumber}`;
