import type { Instant, JsonObject } from "../json.ts";

/** Something that brought an asset up to date: a task's success, or a word from outside. */
export interface AssetEvent {
  readonly asset: string;
  readonly at: Instant;
  /** The task whose success it was; null: it came from outside. */
  readonly source: AssetSource | null;
  /** "engine", or who said so. */
  readonly by: string;
  readonly extra: JsonObject;
}

export interface AssetSource {
  readonly runId: string;
  readonly dagId: string;
  readonly dagRunId: string;
  readonly taskId: string;
}

/** The newest update of an asset, as the conf of the run that it triggers shows it. */
export type NewestUpdate = {
  readonly at: string;
  readonly dag_id: string | null;
  readonly dag_run_id: string | null;
  readonly task_id: string | null;
  readonly by: string;
  readonly extra: JsonObject;
};

/** What a consumer's next run knows of one of its assets: how often it was updated since the last, and by what at last. */
export interface QueuedAsset {
  readonly dagId: string;
  readonly asset: string;
  /** 0: not since the last run. */
  readonly updates: number;
  readonly newest: NewestUpdate;
}

/** A consumer's row after one more update. */
export function queued(dagId: string, event: AssetEvent, before: QueuedAsset | undefined): QueuedAsset {
  const { asset, at, source, by, extra } = event;
  const newest = {
    at: new Date(at).toISOString(),
    dag_id: source?.dagId ?? null,
    dag_run_id: source?.dagRunId ?? null,
    task_id: source?.taskId ?? null,
    by,
    extra,
  };
  return { dagId, asset, updates: (before?.updates ?? 0) + 1, newest };
}

/** What the run's conf says of the updates that triggered it, by name. */
export const triggeringAssets = (rows: readonly QueuedAsset[]): JsonObject[] =>
  [...rows]
    .sort((a, b) => (a.asset < b.asset ? -1 : 1))
    .map(({ asset, updates, newest }) => ({ name: asset, ...newest, updates }));
