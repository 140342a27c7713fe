import { keyOf, placeOf, specAt } from "../core/machine/active-run.ts";
import { debts, owed, type Owed } from "../core/machine/owed.ts";
import type { Touched } from "../core/machine/touches.ts";
import type { World } from "../core/machine/world.ts";
import type { JsonObject } from "../core/json.ts";
import type { Attempt, TaskKey } from "../core/records.ts";
import { Agenda } from "../core/agenda.ts";
import { repeatDelayMs } from "../core/poll-interval.ts";
import type { EngineClock } from "./clock.ts";
import type { EngineDeps, PrepareRequest } from "./deps.ts";
import type { Launcher, Post } from "./launcher.ts";
import type { Observer } from "./observer.ts";

const MOST_PARAMS = 1_000;

/** Carries out what rows owe, once it is durable; what is owed later waits in the agenda and is asked again then. */
export class Dispatch {
  /** By key: a run may have been read anew meanwhile, or have left. */
  private readonly agenda = new Agenda<TaskKey>();
  /** When each task is asked next, so that a task has one entry that counts, however much it owes. */
  private readonly nextAt = new Map<string, number>();
  /** Whether the task that is being asked owes something later. */
  private owesLater = false;
  private readonly alarmed = new Set<string>();
  /** Frozen parameters of attempts made in this process, until their job is known. */
  private readonly params = new Map<string, JsonObject>();
  private readonly deps: EngineDeps;
  private readonly clock: EngineClock;
  private readonly world: World;
  private readonly launcher: Launcher;
  private readonly observer: Observer;
  private readonly post: Post;

  constructor(deps: EngineDeps, clock: EngineClock, world: World, launcher: Launcher, observer: Observer, post: Post) {
    this.deps = deps;
    this.clock = clock;
    this.world = world;
    this.launcher = launcher;
    this.observer = observer;
    this.post = post;
  }

  /** Saves reading parameters back that were just written; what falls out is read from the store. */
  remember(hash: string, params: JsonObject): void {
    const [oldest] = this.params.keys();
    if (this.params.size >= MOST_PARAMS && oldest !== undefined) this.params.delete(oldest);
    this.params.set(hash, params);
  }

  /** These attempts are about to be written. */
  intend(attempts: readonly Attempt[]): void {
    this.launcher.intend(attempts);
  }

  /** Reads what a mapped task is mapped over. */
  readList(touched: Touched, uri: string, request: PrepareRequest): number {
    return this.launcher.readList(touched, uri, request);
  }

  /** Looks at what is owed by the tasks that changed, and by those whose time has come. */
  run(touched: readonly Touched[]): void {
    for (const each of touched) this.actOn(each);
    for (const key of this.agenda.take(this.clock.now())) {
      this.nextAt.delete(keyOf(key));
      const active = this.world.runs.get(key.runId);
      const position = active && placeOf(active, key);
      if (active && position !== undefined) this.actOn({ active, position });
    }
    this.forgetStale();
  }

  /** When something is due although nothing happens; Infinity: never. */
  get nextDueAt(): number {
    return this.agenda.nextAt;
  }

  /** A task that has ended leaves the entry of its timeout behind: those of a busy day would fill memory. */
  private forgetStale(): void {
    if (this.agenda.size < 500 + 2 * this.nextAt.size) return;
    this.agenda.keep((key, at) => this.nextAt.get(keyOf(key)) === at);
  }

  private actOn(touched: Touched): void {
    const { active, position } = touched;
    if (this.world.runs.get(active.run.runId) !== active) {
      const task = active.nodes[position]?.task;
      if (task && !this.world.runs.has(task.runId)) this.nextAt.delete(keyOf(task));
      return;
    }
    // It has changed again, and that is not durable: what it owes is asked when it is.
    if (this.world.isTouched(touched)) return;
    const node = active.nodes[position];
    if (!node) return;
    const spec = specAt(active, position);
    const operator = this.deps.operators.get(spec.operator);
    if (!operator) return;
    const now = this.clock.now();
    this.owesLater = false;
    for (const item of owed(node, spec, operator.launch, this.deps.settings)) {
      if (item.at > now) this.later(item.at, touched);
      else this.act(item, touched, node.attempt);
    }
    for (const attempt of active.settling.values()) {
      if (attempt.taskNo !== node.task.taskNo || attempt.mapIndex !== node.task.mapIndex) continue;
      for (const item of debts(attempt)) {
        if (item.at > now) this.later(item.at, touched);
        else this.act(item, touched, attempt);
      }
    }
    if (!this.owesLater) this.nextAt.delete(keyOf(node.task));
  }

  private act(item: Owed, touched: Touched, attempt: Attempt | null): void {
    if (item.kind === "due") {
      const node = touched.active.nodes[touched.position];
      if (node) this.post(node.task, { kind: "due" });
      return;
    }
    if (!attempt) return;
    const params = this.params.get(attempt.paramsHash) ?? null;
    switch (item.kind) {
      case "submit":
        this.launcher.submit(touched, attempt, params);
        return;
      case "withdraw":
        this.launcher.withdraw(attempt);
        return;
      case "search":
        this.launcher.search(touched, attempt, params);
        this.again(touched, item.at);
        return;
      case "cancel":
        if (attempt.ref !== null) this.launcher.cancel(touched, attempt, attempt.ref, false);
        this.alarmIfLong(attempt);
        this.observer.hurry(attempt);
        this.again(touched, item.at);
        return;
      case "cancel_duplicate":
        this.launcher.cancel(touched, attempt, item.ref, true);
        this.again(touched, this.clock.now());
        return;
      case "observe":
      case "settle":
        this.observer.watch(touched, attempt);
        return;
    }
  }

  /** An end that AWS does not confirm is asked for on and on; somebody should know (rule 23). */
  private alarmIfLong({ ending, launchKey }: Attempt): void {
    const since = this.clock.now() - (ending?.at ?? Infinity);
    if (since < this.deps.settings.endingAlarmMs || this.alarmed.has(launchKey)) return;
    this.alarmed.add(launchKey);
    this.deps.log.error({ launchKey, since }, "AWS has not confirmed the end of this job; it is asked again and again");
  }

  private again(touched: Touched, owedSince: number): void {
    const now = this.clock.now();
    this.later(now + repeatDelayMs(this.deps.settings, now - owedSince), touched);
  }

  private later(at: number, { active, position }: Touched): void {
    const task = active.nodes[position]?.task;
    if (!task) return;
    this.owesLater = true;
    const { runId, taskNo, mapIndex } = task;
    const name = keyOf(task);
    const known = this.nextAt.get(name);
    if (known !== undefined && known <= at) return;
    this.nextAt.set(name, at);
    this.agenda.add(at, { runId, taskNo, mapIndex });
  }
}
