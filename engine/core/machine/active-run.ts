import type { Spent } from "../budget/spent.ts";
import type { Instant, Json, JsonObject } from "../json.ts";
import type { Attempt, DagRun, TaskInstance, TaskKey } from "../records.ts";
import type { CompiledDag } from "./compiled-dag.ts";

/** What the machine remembers of looking at a job; never written: after a takeover it starts anew. */
export interface Looking {
  readonly detail: string;
  readonly unseenSince: Instant | null;
  readonly unseenCount: number;
}

/** A task of an active run: its row, its newest attempt, and what only memory holds. */
export interface Node {
  readonly task: TaskInstance;
  readonly attempt: Attempt | null;
  /** Rendered and checked; it waits for admission. */
  readonly prepared: { readonly hash: string; readonly params: JsonObject } | null;
  readonly looking: Looking;
}

/** A run that is not final, or still owes something. The only mutable cell of the machine: see apply. */
export interface ActiveRun {
  run: DagRun;
  readonly dag: CompiledDag;
  /** By position; empty until the run starts. */
  nodes: Node[];
  /** Tasks that have not ended. */
  openTasks: number;
  readonly outputs: Map<number, Json>;
  /** Earlier attempts that still owe something: a bill, a late search, duplicates. */
  readonly settling: Map<string, Attempt>;
  spent: Spent;
  /** Tasks of the version that have no row yet: the run is of before they were added. */
  readonly unstored: Set<number>;
  /** Whether it has left memory; whoever still holds it must let go. */
  isGone: boolean;
}

export const NOT_LOOKED: Looking = { detail: "", unseenSince: null, unseenCount: 0 };

export const keyOf = (key: TaskKey): string => `${key.runId}/${key.taskNo}/${key.mapIndex}`;

/** The row of a task that nothing has happened to yet. */
export function newTask(runId: string, taskNo: number, retries: number): TaskInstance {
  return {
    runId,
    taskNo,
    mapIndex: -1,
    state: "none",
    tryNumber: 0,
    maxTry: retries + 1,
    startedAt: null,
    endedAt: null,
    retryAt: null,
  };
}
