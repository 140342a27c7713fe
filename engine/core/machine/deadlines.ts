import { Agenda } from "../agenda.ts";
import type { DagSpec } from "../dag.ts";
import type { Instant } from "../json.ts";
import type { Deadline, DeadlineState } from "../records.ts";
import { deadlineFor } from "../sla/finish-by.ts";

/** What is written of a deadline that changed; `before` null: it is new. */
export type WriteDeadline = (before: Deadline | null, after: Deadline) => void;

type Ruled = Pick<DagSpec, "dagId" | "sla" | "timezone">;

/** The deadlines that are not decided yet. Each is decided once: met, missed and dropped are final. */
export class Deadlines {
  private readonly pending = new Map<string, Deadline>();
  private readonly ofRun = new Map<string, Set<string>>();
  private readonly ofDag = new Map<string, Set<string>>();
  private readonly agenda = new Agenda<string>();
  /** The rules that each DAG's deadlines were last held against. */
  private readonly followed = new Map<string, Ruled>();
  private readonly write: WriteDeadline;

  constructor(loaded: readonly Deadline[], write: WriteDeadline) {
    this.write = write;
    for (const deadline of loaded) this.keep(deadline);
  }

  /**
   * What a schedule has planned: a run for each due time, null where it was passed over, and the tick that comes next, whose
   * deadlines are there before its run is. A deadline that was there before is the run's now. One that was not, and has
   * passed or is of a due time without a run, is made only when its rule has been followed all along: nobody was to be told
   * while the DAG was paused, or before it was scheduled at all. Rules that changed change what has not begun.
   */
  planned(
    spec: Ruled,
    dueTimes: readonly { readonly dueAt: Instant; readonly runId: string | null }[],
    nextDueAt: Instant | null,
    hasBegun: (runId: string) => boolean,
    now: Instant,
  ): void {
    const waiting = this.of(spec.dagId).filter((each) => each.runId === null && each.dueAt <= now);
    const followed = new Set(waiting.map(({ rule }) => rule));
    for (const due of dueTimes) this.expect(spec, due, followed, now);
    // Rules change with the version alone: a catch-up of thousands in steps does not ask about each of them at every step.
    const isSame = this.followed.get(spec.dagId) === spec;
    this.followed.set(spec.dagId, spec);
    for (const deadline of this.of(spec.dagId)) {
      if (deadline.runId !== null && (isSame || hasBegun(deadline.runId))) continue;
      const rule = spec.sla.find(({ name }) => name === deadline.rule);
      const isAhead = deadline.runId !== null || deadline.dueAt <= now || deadline.dueAt === nextDueAt;
      if (!rule || !isAhead) this.decide(deadline, "dropped", now);
      else this.change(deadline, { ...deadline, deadlineAt: deadlineFor(rule, deadline.dueAt, spec.timezone) });
    }
    if (nextDueAt !== null) this.expect(spec, { dueAt: nextDueAt, runId: null }, followed, now);
  }

  private expect(
    spec: Ruled,
    { dueAt, runId }: { readonly dueAt: Instant; readonly runId: string | null },
    followed: ReadonlySet<string>,
    now: Instant,
  ): void {
    for (const rule of spec.sla) {
      const key = { dagId: spec.dagId, dueAt, rule: rule.name };
      const known = this.pending.get(keyOf(key));
      const deadlineAt = deadlineFor(rule, dueAt, spec.timezone);
      if (known) this.change(known, { ...known, runId: known.runId ?? runId });
      else if (followed.has(rule.name) || (deadlineAt >= now && (runId !== null || dueAt > now))) {
        this.make({ ...key, deadlineAt, runId, state: "pending", decidedAt: null });
      }
    }
  }

  /** The DAGs of all that `passed` will find. */
  dagsOfPassed(now: Instant): string[] {
    return this.agenda.look(now - 1).flatMap((key) => this.pending.get(key)?.dagId ?? []);
  }

  /** The deadlines that have passed at `now`, but for DAGs that wait: to finish at the deadline itself is to meet it. */
  passed(now: Instant, waits: (dagId: string) => boolean): Deadline[] {
    const keys = new Set(this.agenda.take(now - 1));
    return [...keys].flatMap((key) => {
      const deadline = this.pending.get(key);
      if (!deadline || deadline.deadlineAt >= now) return [];
      if (!waits(deadline.dagId)) return [deadline];
      this.agenda.add(deadline.deadlineAt, key);
      return [];
    });
  }

  of(dagId: string): Deadline[] {
    return this.found(this.ofDag.get(dagId));
  }

  ofRunId(runId: string): Deadline[] {
    return this.found(this.ofRun.get(runId));
  }

  decide(deadline: Deadline, state: Exclude<DeadlineState, "pending">, at: Instant): void {
    this.write(deadline, { ...deadline, state, decidedAt: at });
    const key = keyOf(deadline);
    this.pending.delete(key);
    this.ofDag.get(deadline.dagId)?.delete(key);
    if (deadline.runId !== null) this.ofRun.get(deadline.runId)?.delete(key);
  }

  /** When the next one passes. */
  get nextAt(): Instant {
    return this.agenda.nextAt + 1;
  }

  private make(deadline: Deadline): void {
    this.write(null, deadline);
    this.keep(deadline);
  }

  private change(before: Deadline, after: Deadline): void {
    if (before.deadlineAt === after.deadlineAt && before.runId === after.runId) return;
    this.write(before, after);
    this.keep(after);
  }

  private keep(deadline: Deadline): void {
    const key = keyOf(deadline);
    this.pending.set(key, deadline);
    index(this.ofDag, deadline.dagId, key);
    if (deadline.runId !== null) index(this.ofRun, deadline.runId, key);
    this.agenda.add(deadline.deadlineAt, key);
  }

  private found(keys: ReadonlySet<string> | undefined): Deadline[] {
    return [...(keys ?? [])].flatMap((key) => this.pending.get(key) ?? []);
  }
}

export const keyOf = ({ dagId, dueAt, rule }: Pick<Deadline, "dagId" | "dueAt" | "rule">): string =>
  `${dagId}/${dueAt}/${rule}`;

function index(map: Map<string, Set<string>>, name: string, key: string): void {
  const keys = map.get(name);
  if (keys) keys.add(key);
  else map.set(name, new Set([key]));
}
