import type { DagInput } from "./schema.ts";
import type { Defaults, GroupInput, TaskInput } from "./task-schema.ts";
import type { Path } from "./yaml-document.ts";

/** A task of the file, wherever it stands: at the top or in a group. */
export interface FlatTask {
  /** "warehouse.merge" */
  readonly taskId: string;
  readonly path: Path;
  readonly task: TaskInput;
  readonly groupId: string | null;
  /** What it does not say itself, the innermost group's word first. */
  readonly defaults: Defaults;
}

export interface FlatGroup {
  readonly groupId: string;
  readonly path: Path;
  readonly group: GroupInput;
  /** The group it is in; null: at the top. */
  readonly parentId: string | null;
}

/** `to` waits for `from`; `path` is where the file says so. */
export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly path: Path;
}

/** The DAG's tasks as one list. */
export interface FlatDag {
  /** In the order of the file, those at the top first. */
  readonly tasks: readonly FlatTask[];
  readonly groups: readonly FlatGroup[];
}

/** Takes tasks out of their groups. Two of one id are both there: group-checks reports them. */
export function flatten(input: DagInput): FlatDag {
  const tasks: FlatTask[] = [];
  const groups: FlatGroup[] = [];
  const walk = (holder: Pick<GroupInput, "tasks" | "groups">, at: Path, within: FlatGroup | null, over: Defaults) => {
    const prefix = within === null ? "" : `${within.groupId}.`;
    const groupId = within?.groupId ?? null;
    for (const [name, task] of Object.entries(holder.tasks ?? {})) {
      tasks.push({ taskId: prefix + name, path: [...at, "tasks", name], task, groupId, defaults: over });
    }
    for (const [name, group] of Object.entries(holder.groups ?? {})) {
      const flat = { groupId: prefix + name, path: [...at, "groups", name], group, parentId: groupId };
      groups.push(flat);
      walk(group, flat.path, flat, merged(over, group.defaults));
    }
  };
  walk(input, [], null, input.defaults ?? {});
  return { tasks, groups };
}

function merged(outer: Defaults, inner: Defaults = {}): Defaults {
  const aws = outer.aws === undefined && inner.aws === undefined ? {} : { aws: { ...outer.aws, ...inner.aws } };
  return { ...outer, ...inner, ...aws };
}

/** The groups around a task or group, the innermost first. */
export function enclosing({ groups }: FlatDag, groupId: string | null): FlatGroup[] {
  const found: FlatGroup[] = [];
  for (let id = groupId; id !== null;) {
    const group = groups.find((each) => each.groupId === id);
    if (group === undefined) break;
    found.push(group);
    id = group.parentId;
  }
  return found;
}

/** Where a value that `defaults` may say comes from: the task itself, a group's defaults or the DAG's. */
export function originOf(dag: FlatDag, { task, path, groupId }: FlatTask, key: keyof Defaults): Path {
  if (task[key] !== undefined) return [...path, key];
  const group = enclosing(dag, groupId).find((each) => each.group.defaults?.[key] !== undefined);
  return group === undefined ? ["defaults", key] : [...group.path, "defaults", key];
}
