import { sql } from "kysely";
import { assetsOf, expressionText } from "../../core/assets/expression.ts";
import { completeSpec, type DagSpec } from "../../core/dag.ts";
import type { Instant, JsonObject } from "../../core/json.ts";
import type { Store } from "../open.ts";

/** An asset, by the newest versions of the DAGs that name it. */
export interface AssetSummary {
  readonly name: string;
  readonly producers: readonly { readonly dagId: string; readonly taskId: string }[];
  /** What waits for it, each with its whole expression. */
  readonly consumers: readonly { readonly dagId: string; readonly onAssets: string; readonly updates: number }[];
  /** When it was last brought up to date; null: never. */
  readonly updatedAt: Instant | null;
}

/** Every asset that a DAG names whose file is there, by name. */
export async function listAssets(store: Store): Promise<AssetSummary[]> {
  const specs = await currentSpecs(store);
  const names = new Set(
    specs.flatMap(({ tasks, onAssets }) => [
      ...tasks.flatMap(({ produces }) => produces),
      ...(onAssets === null ? [] : assetsOf(onAssets)),
    ]),
  );
  const newest = await newestUpdates(store, [...names]);
  const queue = await store.db.selectFrom("asset_queue").select(["dag_id", "asset", "updates"]).execute();
  const waiting = new Map(queue.map(({ dag_id, asset, updates }) => [`${dag_id}/${asset}`, updates]));
  return [...names].sort().map((name) => ({
    name,
    producers: specs.flatMap(({ dagId, tasks }) =>
      tasks.filter(({ produces }) => produces.includes(name)).map(({ taskId }) => ({ dagId, taskId })),
    ),
    consumers: specs.flatMap(({ dagId, onAssets }) =>
      onAssets !== null && assetsOf(onAssets).has(name)
        ? [{ dagId, onAssets: expressionText(onAssets), updates: waiting.get(`${dagId}/${name}`) ?? 0 }]
        : [],
    ),
    updatedAt: newest.get(name) ?? null,
  }));
}

async function currentSpecs(store: Store): Promise<DagSpec[]> {
  const rows = await store.db
    .selectFrom("dag_version")
    .innerJoin("dag", "dag.dag_id", "dag_version.dag_id")
    .distinctOn("dag_version.dag_id")
    .select("dag_version.spec")
    .where("dag.is_stale", "=", false)
    .orderBy("dag_version.dag_id")
    .orderBy("dag_version.version_number", "desc")
    .execute();
  return rows.map(({ spec }) => completeSpec(spec));
}

async function newestUpdates(store: Store, names: readonly string[]): Promise<Map<string, Instant>> {
  const { rows } = await sql<{ asset: string; at: Instant }>`
    SELECT name AS asset, newest.at FROM unnest(${names}::text[]) AS name
    CROSS JOIN LATERAL (SELECT at FROM asset_event WHERE asset = name ORDER BY event_id DESC LIMIT 1) AS newest`.execute(
    store.db,
  );
  return new Map(rows.map(({ asset, at }) => [asset, at]));
}

/** One time that an asset was brought up to date. */
export interface AssetEventSummary {
  /** A bigint, as text. */
  readonly eventId: string;
  readonly asset: string;
  readonly at: Instant;
  /** null, as the next two: somebody outside said so. */
  readonly dagId: string | null;
  readonly dagRunId: string | null;
  readonly taskId: string | null;
  readonly by: string;
  readonly extra: JsonObject;
}

/** The newest events first; of one asset, or of all. */
export async function listAssetEvents(
  store: Store,
  { asset, limit = 100 }: { readonly asset?: string | undefined; readonly limit?: number },
): Promise<AssetEventSummary[]> {
  let query = store.db.selectFrom("asset_event").selectAll().orderBy("event_id", "desc").limit(limit);
  if (asset !== undefined) query = query.where("asset", "=", asset);
  const rows = await query.execute();
  return rows.map((row) => ({
    eventId: row.event_id,
    asset: row.asset,
    at: row.at,
    dagId: row.dag_id,
    dagRunId: row.dag_run_id,
    taskId: row.task_id,
    by: row.by,
    extra: row.extra,
  }));
}
