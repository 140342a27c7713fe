import { sql } from "kysely";
import { completeSpec, type DagSpec } from "../../core/dag.ts";
import { Slots } from "../../core/machine/slots.ts";
import type { Store } from "../open.ts";

/** What is at work in all runs, as the engine counts it, and the pools. */
export async function atWork(store: Store, isSensor: (operator: string) => boolean) {
  const { rows } = await sql<{ run_id: string; dag_id: string; task_no: number; version_id: string; count: number }>`
    SELECT run.run_id, run.dag_id, task.task_no, run.version_id, count(*)::int AS count
    FROM dag_run AS run JOIN task_instance AS task USING (run_id)
    WHERE run.state = 'running' AND (task.state = 'queued' OR (task.state = 'running' AND EXISTS (
      SELECT FROM attempt WHERE attempt.run_id = task.run_id AND attempt.task_no = task.task_no
        AND attempt.map_index = task.map_index AND attempt.try_number = task.try_number)))
    GROUP BY run.run_id, run.dag_id, task.task_no, run.version_id`.execute(store.db);
  const versionIds = [...new Set(rows.map((row) => row.version_id))];
  const specs = await sql<{ version_id: string; spec: DagSpec }>`
    SELECT version_id, spec FROM dag_version WHERE version_id = ANY (${versionIds}::uuid[])`.execute(store.db);
  const specOf = new Map(specs.rows.map((row) => [row.version_id, completeSpec(row.spec)]));
  const names = await sql<{ dag_id: string; task_no: number; task_id: string }>`
    SELECT dag_id, task_no, task_id FROM dag_task WHERE dag_id = ANY (${rows.map((row) => row.dag_id)})`.execute(
    store.db,
  );
  const nameOf = new Map(names.rows.map((row) => [`${row.dag_id}/${row.task_no}`, row.task_id]));
  const slots = new Slots();
  for (const { run_id: runId, dag_id: dagId, task_no: taskNo, version_id: versionId, count } of rows) {
    const tasks = specOf.get(versionId)?.tasks ?? [];
    const taskAt = tasks.findIndex(({ taskId }) => taskId === nameOf.get(`${dagId}/${taskNo}`));
    const spec = tasks[taskAt];
    if (!spec || spec.teardownOf.length > 0) continue;
    const keys = { pool: spec.pool, dag: dagId, run: runId, task: `${dagId}/${taskNo}`, lane: `${runId}/${taskAt}` };
    for (let each = 0; each < count; each++) slots.count(keys, spec, isSensor(spec.operator), 1);
  }
  const pools = await store.db.selectFrom("pool").selectAll().execute();
  return { slots, pools: new Map(pools.map((row) => [row.pool, row.slots])) };
}

/** A pool with what is held of it. */
export interface PoolRow {
  readonly pool: string;
  readonly slots: number;
  readonly held: number;
}

/** Every pool, by name. */
export async function listPools(store: Store, isSensor: (operator: string) => boolean): Promise<PoolRow[]> {
  const { slots, pools } = await atWork(store, isSensor);
  return [...pools]
    .map(([pool, size]) => ({ pool, slots: size, held: slots.pools.get(pool) ?? 0 }))
    .sort((a, b) => (a.pool < b.pool ? -1 : 1));
}
