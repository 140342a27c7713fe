import { sql } from "kysely";
import type { Past, PastWish } from "../core/machine/past-rows.ts";
import type { RunState, TaskState } from "../core/states.ts";
import { NOT_LEAVING } from "./load.ts";
import type { Store } from "./open.ts";

/**
 * The run before each of these, as its rows stand; null: none comes before, it is the first of its backfill, or the one before
 * has left for the archive, which counts as passed. Runs that their concurrency key left out are passed over: they never began.
 */
export async function loadPasts(store: Store, wishes: readonly PastWish[]): Promise<ReadonlyMap<string, Past | null>> {
  const found = new Map<string, Past | null>();
  for (const wish of wishes) found.set(wish.runId, await loadPast(store, wish));
  return found;
}

async function loadPast(store: Store, wish: PastWish): Promise<Past | null> {
  if (wish.backfillId !== null && (await isFirstOfBackfill(store, wish))) return null;
  const { rows } = await sql<{
    run_id: string;
    dag_run_id: string | null;
    logical_at: number;
    state: RunState | null;
  }>`SELECT run_key.run_id, dag_run.dag_run_id, run_key.logical_at, dag_run.state
    FROM run_key LEFT JOIN dag_run ON dag_run.run_id = run_key.run_id AND ${NOT_LEAVING}
    WHERE run_key.dag_id = ${wish.dagId} AND run_key.logical_at < instant(${wish.logicalAt})
      AND (NOT ${wish.scheduledOnly}::boolean OR dag_run.run_id IS NULL OR dag_run.run_type <> 'manual')
      AND coalesce(dag_run.ending ->> 'cause', '') <> 'skip'
    ORDER BY run_key.logical_at DESC LIMIT 1`.execute(store.db);
  const [previous] = rows;
  if (!previous || previous.dag_run_id === null || previous.state === null) return null;
  const { rows: tasks } = await sql<{ task_no: number; state: TaskState }>`
    SELECT task_no, state FROM task_instance WHERE run_id = ${previous.run_id}::uuid AND map_index = -1`.execute(
    store.db,
  );
  const wanted = new Set(wish.taskNos);
  return {
    runId: previous.run_id,
    dagRunId: previous.dag_run_id,
    logicalAt: previous.logical_at,
    runState: previous.state,
    hasTasks: tasks.length > 0 && previous.state !== "queued",
    states: new Map(tasks.filter((row) => wanted.has(row.task_no)).map((row) => [row.task_no, row.state])),
  };
}

async function isFirstOfBackfill(store: Store, { backfillId, logicalAt }: PastWish): Promise<boolean> {
  const earlier = await store.db
    .selectFrom("dag_run")
    .select("run_id")
    .where("backfill_id", "=", backfillId)
    .where(sql<boolean>`logical_at < instant(${logicalAt})`)
    .limit(1)
    .executeTakeFirst();
  return earlier === undefined;
}
