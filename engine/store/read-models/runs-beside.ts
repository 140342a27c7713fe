import type { Instant } from "../../core/json.ts";
import type { TaskWish } from "../../core/commands.ts";
import type { Store } from "../open.ts";

/** The runs of a DAG before, or after, a logical date; the nearest first, at most `limit`. Those in the archive are left out. */
export async function runsBeside(
  store: Store,
  dagId: string,
  logicalAt: Instant,
  { past = false, future = false }: Pick<TaskWish, "past" | "future">,
  limit: number,
): Promise<string[]> {
  const { rows } = await store.pool.query<{ run_id: string }>(
    `SELECT dag_run.run_id FROM run_key JOIN dag_run USING (run_id)
     WHERE run_key.dag_id = $1
       AND (($3 AND run_key.logical_at < instant($2::float8)) OR ($4 AND run_key.logical_at > instant($2::float8)))
     ORDER BY abs(extract(epoch FROM run_key.logical_at - instant($2::float8))) LIMIT $5`,
    [dagId, logicalAt, past, future, limit],
  );
  return rows.map((row) => row.run_id);
}
