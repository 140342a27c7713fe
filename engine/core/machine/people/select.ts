import type { ErrorCode } from "../../errors.ts";
import type { TaskWish } from "../../commands.ts";
import { nearest } from "../../similar.ts";
import type { TaskState } from "../../states.ts";
import { placeOf, type ActiveRun } from "../active-run.ts";

/** Why a person's wish cannot be carried out. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
}

/** A run with its tasks, in memory or just read. */
export type View = Pick<ActiveRun, "run" | "dag" | "nodes" | "mapped">;

const FAILED: ReadonlySet<TaskState> = new Set(["failed", "upstream_failed"]);
const UNDER_WAY: ReadonlySet<TaskState> = new Set(["queued", "running"]);

/**
 * The places of the task instances that are meant, upstreams first. Of a mapped task as a whole: its own place. `tasks` that
 * the run does not have are refused, but a wish that nothing fits today is an empty list.
 */
export function selectTasks(view: View, wish: TaskWish): readonly number[] | Refusal {
  const named = namedPlaces(view, wish);
  if ("code" in named) return named;
  if (view.nodes.length === 0) return [];
  const all = new Set([...named, ...relatives(view, named, wish)]);
  const isMeant = (place: number): boolean => {
    const state = view.nodes[place]?.task.state ?? "removed";
    if (state === "removed") return false;
    if (wish.onlyRunning && !UNDER_WAY.has(state)) return false;
    return !wish.onlyFailed || FAILED.has(state);
  };
  const narrowed =
    wish.onlyFailed || wish.onlyRunning ? [...all].flatMap((place) => instancesOr(view, place, isMeant)) : all;
  return inOrder(view, [...new Set(narrowed)].filter(isMeant));
}

/** Of a mapped task whose instances fit, those instead of the whole. */
function instancesOr(view: View, place: number, isMeant: (place: number) => boolean): readonly number[] {
  const places = place < view.dag.tasks.length ? (view.mapped.get(place)?.places ?? []) : [];
  const fitting = places.filter(isMeant);
  return fitting.length > 0 ? fitting : [place];
}

/** Upstreams before what waits for them; instances in the order of their index. */
export function inOrder({ dag, nodes }: View, places: readonly number[]): readonly number[] {
  const rank = new Map(dag.order.map((taskAt, index) => [taskAt, index]));
  const rankOf = (place: number): number => rank.get(nodes[place]?.taskAt ?? place) ?? 0;
  return [...places].sort((a, b) => rankOf(a) - rankOf(b) || a - b);
}

function namedPlaces(view: View, { tasks }: TaskWish): readonly number[] | Refusal {
  const { dag, run } = view;
  if (tasks === null) return dag.tasks.map((_, taskAt) => taskAt);
  const found: number[] = [];
  for (const { task, mapIndex } of tasks) {
    const matches = matching(view, task);
    if (matches.length === 0) {
      const near = nearest(
        task,
        dag.tasks.map(({ taskId }) => taskId),
      );
      const hint = near === undefined ? "" : `; did you mean ${near}?`;
      return {
        code: "TASK_NOT_FOUND",
        message: `${run.dagId} has no task ${task} in the version of ${run.dagRunId}${hint}`,
      };
    }
    for (const taskAt of matches) {
      const place = instancePlace(view, taskAt, mapIndex);
      if (typeof place !== "number") return place;
      found.push(place);
    }
  }
  return found;
}

function instancePlace(view: View, taskAt: number, mapIndex: number | null): number | Refusal {
  const { dag, nodes } = view;
  const spec = dag.tasks[taskAt];
  if (mapIndex === null || mapIndex < 0) return taskAt;
  const taskId = spec?.taskId ?? "";
  if (!spec?.forEach) return { code: "ACTION_INVALID", message: `${taskId} is not mapped: leave its map index out` };
  const place = placeOf(view as ActiveRun, { taskNo: dag.taskNos[taskAt] ?? -1, mapIndex });
  if (place !== undefined && nodes[place]?.task.state !== "removed") return place;
  const made = (view.mapped.get(taskAt)?.places ?? []).filter((each) => nodes[each]?.task.state !== "removed").length;
  const there = made === 0 ? "it has none yet" : `there are 0 to ${made - 1}`;
  return { code: "TASK_NOT_FOUND", message: `${taskId} has no instance ${mapIndex}: ${there}` };
}

/** Tasks by id, or by a glob where `*` stands for any text and `?` for one letter. */
function matching({ dag }: View, name: string): number[] {
  if (!/[*?]/.test(name)) return dag.tasks.flatMap(({ taskId }, taskAt) => (taskId === name ? [taskAt] : []));
  const pattern = name
    .replace(/[\\^$.|+()[\]{}]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const glob = new RegExp(`^${pattern}$`, "su");
  return dag.tasks.flatMap(({ taskId }, taskAt) => (glob.test(taskId) ? [taskAt] : []));
}

function relatives(view: View, places: readonly number[], wish: TaskWish): number[] {
  const from = places.map((place) => view.nodes[place]?.taskAt ?? place);
  return [
    ...(wish.withUpstream ? reachable(view.dag.upstream, from) : []),
    ...(wish.withDownstream ? reachable(view.dag.downstream, from) : []),
  ];
}

/** Everything that edges lead to from these, near or far, without these themselves. */
export function reachable(edges: readonly (readonly number[])[], from: readonly number[]): ReadonlySet<number> {
  const found = new Set<number>();
  const open = [...from];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const to of edges[next] ?? []) {
      if (found.has(to)) continue;
      found.add(to);
      open.push(to);
    }
  }
  for (const each of from) found.delete(each);
  return found;
}
