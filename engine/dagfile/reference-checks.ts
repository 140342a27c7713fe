import type { DagSpec } from "../core/dag.ts";
import { Ancestry } from "../core/graph/ancestry.ts";
import { findCycles } from "../core/graph/dag-graph.ts";
import type { Dependencies } from "./dependencies.ts";
import { placeOfEdge } from "./dependencies.ts";
import type { FlatDag } from "./flat-tasks.ts";
import type { Finding } from "./schema-issues.ts";
import { invalid, suggestion } from "./schema-issues.ts";

/** Ids that are taken, and groups without tasks. */
export function groupFindings({ tasks, groups }: FlatDag): Finding[] {
  const taskIds = new Set(tasks.map(({ taskId }) => taskId));
  const seen = new Set<string>();
  const doubled = [
    ...tasks.map(({ taskId, path }) => ({ id: taskId, path })),
    ...groups.map(({ groupId, path }) => ({ id: groupId, path })),
  ].flatMap(({ id, path }): Finding[] => {
    if (!seen.has(id)) {
      seen.add(id);
      return [];
    }
    const what = taskIds.has(id) ? "a task" : "a group";
    return [invalid(path, `${id}: ${what} has this name already`, "key")];
  });
  const empty = groups
    .filter(({ group }) => isEmpty(group.tasks) && isEmpty(group.groups))
    .map(({ groupId, path }) => invalid(path, `${groupId}: expected at least one task in this group`, "key"));
  return [...doubled, ...empty];
}

const isEmpty = (map: object | undefined): boolean => map === undefined || Object.keys(map).length === 0;

/** Names that lead nowhere. */
export function nameFindings({ tasks, groups }: FlatDag, { references }: Dependencies): Finding[] {
  const scopes = new Map([
    ...tasks.map(({ taskId, groupId }) => [taskId, groupId] as const),
    ...groups.map(({ groupId, parentId }) => [groupId, parentId] as const),
  ]);
  return references.flatMap(({ key, name, path, of, target }): Finding[] => {
    if (target !== null && "group" in target && key === "teardown_of") {
      return [invalid(path, `${name}: this is a group; name the setup that is torn down`)];
    }
    if (target !== null) return [];
    const scope = scopes.get(of) ?? null;
    const near = [...scopes.keys()].map((id) => (id.startsWith(`${scope}.`) ? id.slice(`${scope}.`.length) : id));
    const message = `${name}: no such task in ${key}`;
    return [{ code: "DAG_UNKNOWN_TASK", path, part: "value", message, ...suggestion(name, near) }];
  });
}

export function cycleFindings({ tasks }: FlatDag, dependencies: Dependencies, spec: DagSpec): Finding[] {
  if (!new Ancestry(spec.tasks).hasCycle) return [];
  return findCycles(spec.tasks).map((cycle) => {
    const [from = "", to = ""] = cycle;
    const path = placeOfEdge(dependencies, from, to) ?? tasks.find(({ taskId }) => taskId === to)?.path ?? ["tasks"];
    return { code: "DAG_CYCLE", path, part: "value", message: cycle.join(" -> ") };
  });
}

/** Setups and teardowns that are not what they are named as. */
export function scopeFindings(dag: FlatDag, { references, setups, users }: Dependencies): Finding[] {
  const teardowns = new Set(dag.tasks.filter(({ task }) => task.teardown_of !== undefined).map(({ taskId }) => taskId));
  const findings = references.flatMap(({ key, name, path, of, target }): Finding[] => {
    if (target === null || !("task" in target) || target.task === of || !teardowns.has(target.task)) return [];
    if (key === "teardown_of") return [invalid(path, `${name}: it is a teardown itself, not a setup`)];
    return key === "setup_for" ? [invalid(path, `${name}: it is a teardown; it needs no setup but its own`)] : [];
  });
  const both = dag.tasks
    .filter(({ task }) => task.teardown_of !== undefined && task.setup_for !== undefined)
    .map(({ path }) => invalid([...path, "setup_for"], "setup_for: a teardown sets nothing up", "key"));
  const useless = [...setups].flatMap(([taskId, torn]) => torn.map((setup) => ({ taskId, setup })));
  const served = useless.flatMap(({ taskId, setup }) =>
    (users.get(setup) ?? []).includes(taskId)
      ? references
          .filter(({ key, of, target }) => key === "setup_for" && of === setup && isTask(target, taskId))
          .map(({ path, name }) => invalid(path, `${name}: it tears this setup down`))
      : [],
  );
  return [...findings.filter((each) => !served.some(({ path }) => path === each.path)), ...both, ...served];
}

const isTask = (target: Dependencies["references"][number]["target"], taskId: string): boolean =>
  target !== null && "task" in target && target.task === taskId;
