import type { Spent } from "../budget/spent.ts";
import { canonicalJson } from "../canonical-json.ts";
import type { TaskSpec } from "../dag.ts";
import type { Instant, Json, JsonObject } from "../json.ts";
import type { Attempt, DagRun, PrevSuccess, TaskInstance, TaskKey } from "../records.ts";
import type { CompiledDag } from "./compiled-dag.ts";
import type { LazyMap } from "./lazy-map.ts";
import type { Mapped } from "./mapped.ts";
import type { Past } from "./past-rows.ts";

/** What the machine remembers of looking at a job; never written: after a takeover it starts anew. */
export interface Looking {
  readonly detail: string;
  readonly unseenSince: Instant | null;
  readonly unseenCount: number;
}

/** A task of an active run: its row, its newest attempt (none of a success that owes nothing), and what only memory holds. */
export interface Node {
  readonly task: TaskInstance;
  /** Where its task stands in the DAG: the node's own place, but for an instance of a mapped task. */
  readonly taskAt: number;
  readonly attempt: Attempt | null;
  /** Rendered and checked; it waits for admission. */
  readonly prepared: { readonly hash: string; readonly params: JsonObject } | null;
  readonly looking: Looking;
  /** What it is mapped over is being read: which read it waits for. */
  readonly listing: number | null;
}

/** A run that is not final, or still owes something. The only mutable cell of the machine: see apply. */
export interface ActiveRun {
  run: DagRun;
  readonly dag: CompiledDag;
  /** Empty until the run starts. First one for each task of the DAG, in its order; then the instances of mapped tasks. */
  nodes: Node[];
  /** Tasks that have not ended. */
  openTasks: number;
  readonly outputs: LazyMap<number, Json>;
  /** Earlier attempts that still owe something: a bill, a late search, duplicates. */
  readonly settling: LazyMap<string, Attempt>;
  spent: Spent;
  /** What looks at the jobs of orphans showed, by attempt. */
  readonly orphanLooks: LazyMap<string, Looking>;
  /** Mapped tasks by their place in the DAG. */
  readonly mapped: LazyMap<number, Mapped>;
  /** Places of nodes that have no row yet: the run is of before their task was added. null: all have one. */
  unstored: Set<number> | null;
  /** false: it waits for its turn, and the rows that it had before are read only then. */
  isLoaded: boolean;
  /** How the run before stands; null: there is none that counts. undefined: it has not been asked for yet. */
  past: Past | null | undefined;
  /** The DAG's last success before it, where templates name that; null: there was none. undefined: it has not been asked for. */
  prevSuccess: PrevSuccess | null | undefined;
  /** Whether it has left memory; whoever still holds it must let go. */
  isGone: boolean;
}

export const NOT_LOOKED: Looking = { detail: "", unseenSince: null, unseenCount: 0 };

/** The place of a task instance among the run's nodes; undefined: it has none. */
export function placeOf({ dag, mapped }: ActiveRun, { taskNo, mapIndex }: Omit<TaskKey, "runId">): number | undefined {
  const taskAt = dag.positionOf.get(taskNo);
  return taskAt === undefined || mapIndex < 0 ? taskAt : mapped.get(taskAt)?.places[mapIndex];
}

/** The task that the node at `place` is an instance of. */
export function specAt({ dag, nodes, run }: ActiveRun, place: number): TaskSpec {
  const spec = dag.tasks[nodes[place]?.taskAt ?? place];
  if (!spec) throw new Error(`run ${run.dagRunId} has no task at ${place}`);
  return spec;
}

/** Whether an open attempt of these runs follows the job. */
export function isFollowed(runs: Iterable<ActiveRun>, ref: Json): boolean {
  const text = canonicalJson(ref);
  const follows = ({ attempt }: Node): boolean =>
    attempt?.state === "open" && attempt.ref !== null && canonicalJson(attempt.ref) === text;
  return [...runs].some(({ nodes }) => nodes.some(follows));
}

export const keyOf = (key: TaskKey): string => `${key.runId}/${key.taskNo}/${key.mapIndex}`;

/** The row of a task that nothing has happened to yet. */
export function newTask(runId: string, taskNo: number, retries: number, mapIndex = -1): TaskInstance {
  return {
    runId,
    taskNo,
    mapIndex,
    state: "none",
    tryNumber: 0,
    maxTry: retries + 1,
    startedAt: null,
    endedAt: null,
    retryAt: null,
  };
}
