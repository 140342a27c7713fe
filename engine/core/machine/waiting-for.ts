import type { RunState, TaskState } from "../states.ts";
import type { Stop } from "./admission.ts";

/** What keeps a run from its start, or a task from its next step. */
export type Wait =
  | { readonly kind: "paused" }
  | { readonly kind: "due"; readonly at: string }
  | { readonly kind: "runs"; readonly limit: number; readonly held: number; readonly isBackfill: boolean }
  | { readonly kind: "key"; readonly dagRunId: string }
  /** `taskId` null: that run has not begun its tasks. */
  | {
      readonly kind: "past";
      readonly dagRunId: string;
      readonly taskId: string | null;
      readonly state: TaskState | RunState;
    }
  | { readonly kind: "upstreams"; readonly taskIds: readonly string[] }
  | Stop;

/** Names beyond this many are counted. */
const MOST_NAMES = 3;

/** Why a run or a task waits, as a sentence for people. */
export function waitingFor(wait: Wait): string {
  switch (wait.kind) {
    case "paused":
      return "the DAG is paused";
    case "due":
      return `it is due at ${wait.at}`;
    case "runs":
      return `${wait.held} of ${wait.limit} runs of this ${wait.isBackfill ? "backfill" : "DAG"} are active`;
    case "key":
      return `${wait.dagRunId} runs with the same concurrency key`;
    case "past":
      if (wait.taskId === null) return `the run before it, ${wait.dagRunId}, is ${wait.state}`;
      return `${wait.taskId} of the run before it, ${wait.dagRunId}, is ${stateText(wait.state)}`;
    case "upstreams": {
      const more = wait.taskIds.length - MOST_NAMES;
      return `it waits for ${wait.taskIds.slice(0, MOST_NAMES).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
    }
    case "run":
      return `${wait.held} of ${wait.limit} tasks of this run are active`;
    case "task":
      return `${wait.held} of ${wait.limit} instances of this task are active over all runs of the DAG`;
    case "lane":
      return `${wait.held} of ${wait.limit} instances of this task are active in this run`;
    case "pool":
      if (wait.needs > wait.slots)
        return `it needs ${wait.needs} slots and pool ${wait.pool} has ${wait.slots}: nocturne pools set ${wait.pool} <slots>`;
      if (wait.held >= wait.slots) return `pool ${wait.pool} is full (${wait.held}/${wait.slots})`;
      return `it needs ${wait.needs} slots of pool ${wait.pool}, ${wait.slots - wait.held} of ${wait.slots} are free`;
  }
}

const stateText = (state: TaskState | RunState): string => (state === "none" ? "not yet begun" : state);
