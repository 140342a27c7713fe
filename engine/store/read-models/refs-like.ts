import type { Json } from "../../core/json.ts";
import type { Store } from "../open.ts";

/** A reference to a job as this operator has made it in one of the DAG's newest runs: what a foreign one must look like. */
export async function refsLike(store: Store, dagId: string, operator: string): Promise<Json[]> {
  const { rows } = await store.pool.query<{ ref: Json }>(
    `SELECT attempt.ref
     FROM (SELECT run_id FROM dag_run WHERE dag_id = $1 ORDER BY run_id DESC LIMIT 20) AS newest
     JOIN attempt USING (run_id)
     WHERE attempt.operator = $2 AND attempt.ref IS NOT NULL
     ORDER BY run_id DESC LIMIT 1`,
    [dagId, operator],
  );
  return rows.map((row) => row.ref);
}
