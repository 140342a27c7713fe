import type { Json } from "../json.ts";
import type { TaskState } from "../states.ts";
import { isFinished } from "../states.ts";

/** What a mapped task is mapped over, once known: written before the first of its instances (protocol rule 6). */
export interface Expansion {
  readonly items: readonly Json[];
  /** Shown instead of the map index; null: the index is. */
  readonly labels: readonly string[] | null;
}

export type Tally = Readonly<Partial<Record<TaskState, number>>>;

/** The instances of a mapped task in one run. Never changed: every decision answers a new one. */
export interface Mapped {
  /** null: not known yet, or not any more because the task began anew. */
  readonly expansion: Expansion | null;
  /** Places in the run's nodes by map index; those of an earlier, longer expansion stay as removed. */
  readonly places: readonly number[];
  /** How many instances have been made of the expansion; the others follow, some at a time. */
  readonly made: number;
  /** How those made have ended. */
  readonly ended: Tally;
}

export const NOT_MAPPED_YET: Mapped = { expansion: null, places: [], made: 0, ended: {} };

/** Whether instances are still to be made. */
export const isGrowing = ({ expansion, made }: Mapped): boolean => expansion !== null && made < expansion.items.length;

export const endedInstances = ({ ended }: Mapped): number =>
  Object.values(ended).reduce((total, count) => total + count, 0);

/** The instance at `mapIndex` went from one state to another. */
export function moved(mapped: Mapped, mapIndex: number, before: TaskState, after: TaskState): Mapped {
  if (mapIndex >= mapped.made || before === after) return mapped;
  const ended: Partial<Record<TaskState, number>> = { ...mapped.ended };
  if (isFinished(before)) ended[before] = (ended[before] ?? 0) - 1;
  if (isFinished(after)) ended[after] = (ended[after] ?? 0) + 1;
  return { ...mapped, ended };
}

/** How the mapped task stands as a whole once its instances have ended: for its run, and for people. */
export function wholeState({ ended }: Mapped): "success" | "failed" | "skipped" {
  if ((ended.failed ?? 0) + (ended.upstream_failed ?? 0) > 0) return "failed";
  return (ended.success ?? 0) > 0 ? "success" : "skipped";
}
