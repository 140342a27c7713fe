import type { Edge, FlatDag, FlatGroup, FlatTask } from "./flat-tasks.ts";
import { enclosing } from "./flat-tasks.ts";
import type { Path } from "./yaml-document.ts";

/** A name in depends_on, setup_for or teardown_of, and what it stands for. */
export interface Reference {
  readonly key: "depends_on" | "setup_for" | "teardown_of";
  readonly name: string;
  readonly path: Path;
  /** Who says so: a task's id, or a group's. */
  readonly of: string;
  readonly target: { readonly task: string } | { readonly group: string } | null;
}

/** Who waits for whom, with groups resolved to their tasks. */
export interface Dependencies {
  readonly references: readonly Reference[];
  /** Each pair once, by its first place in the file; a teardown's setups are not among them. */
  readonly edges: readonly Edge[];
  /** By setup: the tasks that need it. */
  readonly users: ReadonlyMap<string, readonly string[]>;
  /** By teardown: the setups it tears down. */
  readonly setups: ReadonlyMap<string, readonly string[]>;
}

/**
 * Resolves every name: within its group first, then outwards. A group stands for its leaves where something waits for it,
 * and for all its tasks but setups where a setup serves it; what a group waits for, its first tasks wait for. Teardowns stay
 * out of all three, as in Airflow: what comes after a group does not wait until it is cleaned up.
 */
export function resolveDependencies(dag: FlatDag): Dependencies {
  return new Resolver(dag).resolve();
}

class Resolver {
  private readonly dag: FlatDag;
  private readonly taskIds: ReadonlySet<string>;
  private readonly groupIds: ReadonlySet<string>;
  /** By the id of a task or "group:" and that of a group. */
  private readonly references = new Map<string, readonly Reference[]>();
  /** By task: the setups that name it, or its group, in setup_for. */
  private readonly setUpBy = new Map<string, Reference[]>();
  private readonly users = new Map<string, string[]>();
  private readonly setups = new Map<string, string[]>();
  private readonly members = new Map<string, FlatTask[]>();
  private readonly ends = new Map<string, { readonly roots: readonly string[]; readonly leaves: readonly string[] }>();

  constructor(dag: FlatDag) {
    this.dag = dag;
    this.taskIds = new Set(dag.tasks.map(({ taskId }) => taskId));
    this.groupIds = new Set(dag.groups.map(({ groupId }) => groupId));
    for (const { groupId } of dag.groups) this.members.set(groupId, []);
    for (const task of dag.tasks) {
      if (isTeardown(task)) continue;
      for (const { groupId } of enclosing(dag, task.groupId)) this.members.get(groupId)?.push(task);
    }
  }

  resolve(): Dependencies {
    for (const { taskId, task, path, groupId } of this.dag.tasks) {
      const named = (["depends_on", "setup_for", "teardown_of"] as const).flatMap((key) =>
        this.named(key, task[key], taskId, path, groupId),
      );
      this.references.set(taskId, named);
      this.setups.set(taskId, tasksOf(named, "teardown_of"));
      const served = named.filter(({ key }) => key === "setup_for");
      for (const reference of served) {
        for (const user of this.servedBy(reference)) {
          this.setUpBy.set(user, [...(this.setUpBy.get(user) ?? []), reference]);
          this.users.set(taskId, [...(this.users.get(taskId) ?? []), user]);
        }
      }
    }
    for (const { groupId, group, path, parentId } of this.dag.groups) {
      this.references.set(`group:${groupId}`, this.named("depends_on", group.depends_on, groupId, path, parentId));
    }
    return {
      references: [...this.references.values()].flat(),
      edges: this.edges(),
      users: this.users,
      setups: this.setups,
    };
  }

  private named(
    key: Reference["key"],
    names: readonly string[] | undefined,
    of: string,
    path: Path,
    scope: string | null,
  ): Reference[] {
    return (names ?? []).map((name, index) => ({
      key,
      name,
      of,
      path: [...path, key, index],
      target: this.target(name, scope),
    }));
  }

  private target(name: string, scope: string | null): Reference["target"] {
    for (const prefix of [...enclosing(this.dag, scope).map(({ groupId }) => `${groupId}.`), ""]) {
      if (this.taskIds.has(prefix + name)) return { task: prefix + name };
      if (this.groupIds.has(prefix + name)) return { group: prefix + name };
    }
    return null;
  }

  private servedBy({ target }: Reference): readonly string[] {
    if (target === null) return [];
    if ("task" in target) return [target.task];
    const members = this.members.get(target.group) ?? [];
    return members.filter(({ task }) => task.setup_for === undefined).map(({ taskId }) => taskId);
  }

  /** What waiting for this name means. */
  private awaited({ target }: Reference): readonly string[] {
    if (target === null) return [];
    return "task" in target ? [target.task] : this.endsOf(target.group).leaves;
  }

  private of(id: string): readonly Reference[] {
    return (this.references.get(id) ?? []).filter(({ key }) => key === "depends_on");
  }

  /**
   * The group's first and last tasks. Only what is said within the group counts, and a name counts there when it is a task
   * of the group or a group inside it: so this ends, whatever circles the file makes.
   */
  private endsOf(groupId: string): { readonly roots: readonly string[]; readonly leaves: readonly string[] } {
    const known = this.ends.get(groupId);
    if (known !== undefined) return known;
    const members = (this.members.get(groupId) ?? []).map(({ taskId }) => taskId);
    const within = new Set(members);
    const inside = (reference: Reference): readonly string[] => {
      const { target } = reference;
      if (target === null) return [];
      if ("task" in target) return within.has(target.task) ? [target.task] : [];
      return target.group.startsWith(`${groupId}.`) ? this.endsOf(target.group).leaves : [];
    };
    const waiting = new Set<string>();
    const awaited = new Set<string>();
    const note = (to: string, from: readonly string[]): void => {
      if (from.length > 0) waiting.add(to);
      for (const each of from) awaited.add(each);
    };
    for (const taskId of members) {
      for (const reference of this.of(taskId)) note(taskId, inside(reference));
      note(
        taskId,
        this.setupsOf(taskId).filter((setup) => within.has(setup)),
      );
    }
    for (const group of this.dag.groups.filter((each) => each.groupId.startsWith(`${groupId}.`))) {
      for (const from of this.of(`group:${group.groupId}`).map(inside)) {
        for (const root of this.endsOf(group.groupId).roots) note(root, from);
      }
    }
    const ends = {
      roots: members.filter((taskId) => !waiting.has(taskId)),
      leaves: members.filter((taskId) => !awaited.has(taskId)),
    };
    this.ends.set(groupId, ends);
    return ends;
  }

  private setupsOf(taskId: string): string[] {
    return (this.setUpBy.get(taskId) ?? []).map(({ of }) => of);
  }

  private edges(): Edge[] {
    const edges = new Map<string, Edge>();
    const add = (from: string, to: string, path: Path): void => {
      const key = `${from} ${to}`;
      if (!edges.has(key)) edges.set(key, { from, to, path });
    };
    for (const { taskId } of this.dag.tasks) {
      for (const reference of this.of(taskId)) {
        for (const from of this.awaited(reference)) add(from, taskId, reference.path);
      }
      for (const reference of this.setUpBy.get(taskId) ?? []) add(reference.of, taskId, reference.path);
      // A teardown waits for whatever needs what it tears down.
      for (const reference of this.references.get(taskId) ?? []) {
        if (reference.key !== "teardown_of" || reference.target === null || !("task" in reference.target)) continue;
        for (const user of this.users.get(reference.target.task) ?? []) {
          if (user !== taskId) add(user, taskId, reference.path);
        }
      }
    }
    for (const group of this.dag.groups) this.addGroupEdges(group, add);
    return [...edges.values()];
  }

  private addGroupEdges({ groupId }: FlatGroup, add: (from: string, to: string, path: Path) => void): void {
    for (const reference of this.of(`group:${groupId}`)) {
      for (const from of this.awaited(reference)) {
        for (const root of this.endsOf(groupId).roots) add(from, root, reference.path);
      }
    }
  }
}

const isTeardown = ({ task }: FlatTask): boolean => (task.teardown_of ?? []).length > 0;

const tasksOf = (references: readonly Reference[], key: Reference["key"]): string[] =>
  references.flatMap(({ key: own, target }) =>
    own === key && target !== null && "task" in target ? [target.task] : [],
  );

/** Where the file says that `to` waits for `from`; null: nowhere. */
export const placeOfEdge = ({ edges, references }: Dependencies, from: string, to: string): Path | null =>
  edges.find((edge) => edge.from === from && edge.to === to)?.path ??
  references.find(
    ({ key, of, target }) =>
      key === "teardown_of" && of === to && target !== null && "task" in target && target.task === from,
  )?.path ??
  null;
