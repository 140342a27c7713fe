import { Agenda } from "../core/agenda.ts";

/** Something that is looked at from time to time; times are of the monotonic clock. */
export interface Watched {
  /** When it is looked at next; other entries of agendas are stale. Infinity: nobody has asked for it. */
  dueAt: number;
  /** When that was decided. */
  askedAt: number;
  /** The name of those it is looked at with. */
  group: string;
}

/** Those that one call may look at. */
export class LookGroup<W extends Watched> {
  readonly name: string;
  private readonly agenda = new Agenda<W>();

  constructor(name: string) {
    this.name = name;
  }

  add(watched: W): void {
    this.agenda.add(watched.dueAt, watched);
  }

  get nextAt(): number {
    return this.agenda.nextAt;
  }

  takeDue(now: number): W[] {
    const taken: W[] = [];
    while (this.nextAt <= now) this.takeFirst(taken, now);
    return taken;
  }

  /** At most `most` of those due next whose wait is half over. */
  takeEarly(now: number, most: number): W[] {
    const taken: W[] = [];
    while (taken.length < most && this.nextAt < Infinity) {
      if (!this.takeFirst(taken, now)) break;
    }
    return taken;
  }

  /** false: the first is not to be taken yet. */
  private takeFirst(taken: W[], now: number): boolean {
    const at = this.nextAt;
    const watched = this.agenda.takeFirst();
    if (!watched || watched.dueAt !== at || watched.group !== this.name) return true;
    if (at - now > now - watched.askedAt) {
      this.add(watched);
      return false;
    }
    watched.dueAt = Infinity;
    taken.push(watched);
    return true;
  }
}

/** All groups, by name. */
export class LookGroups<W extends Watched> {
  private readonly groups = new Map<string, LookGroup<W>>();
  /** A group stands here when its first is due, and may stand here at other times as well. */
  private readonly agenda = new Agenda<LookGroup<W>>();

  put(watched: W): void {
    const { group: name, dueAt } = watched;
    const group = this.groups.get(name) ?? new LookGroup<W>(name);
    this.groups.set(name, group);
    if (dueAt < group.nextAt) this.agenda.add(dueAt, group);
    group.add(watched);
  }

  /** The groups that something may be due of; each is to be handed back by `again`. */
  due(now: number): Set<LookGroup<W>> {
    return new Set(this.agenda.take(now));
  }

  /** What is due of the group was taken: it comes again with what is left, or is let go. */
  again(group: LookGroup<W>): void {
    if (group.nextAt < Infinity) this.agenda.add(group.nextAt, group);
    else if (this.groups.get(group.name) === group) this.groups.delete(group.name);
  }

  get nextAt(): number {
    return this.agenda.nextAt;
  }
}
