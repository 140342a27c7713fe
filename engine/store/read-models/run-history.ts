import { sql } from "kysely";
import type { RunHistory } from "../../core/backfill/estimate.ts";
import type { Store } from "../open.ts";

/** So many runs say what the next will be like: older ones had other data. */
const MOST_RUNS = 20;

/**
 * What the last successful runs of a DAG were like: medians of how long they took and of what is booked since their start.
 * Of `taskIds` alone where some are named: from the first of them that began to the last that ended.
 */
export async function runHistory(
  store: Store,
  dagId: string,
  taskIds: readonly string[] | null = null,
): Promise<RunHistory> {
  const { rows } = await sql<RunHistory>`
    WITH recent AS (
      SELECT run_id, started_at, ended_at FROM dag_run
      WHERE dag_id = ${dagId} AND state = 'success' AND started_at IS NOT NULL AND only_tasks IS NULL
      ORDER BY run_id DESC LIMIT ${MOST_RUNS}
    ), tasks AS (
      SELECT task_no FROM dag_task
      WHERE dag_id = ${dagId} AND (${taskIds}::text[] IS NULL OR task_id = ANY (${taskIds}::text[]))
    ), took AS (
      SELECT recent.run_id,
             CASE WHEN ${taskIds}::text[] IS NULL THEN recent.ended_at - recent.started_at
                  ELSE (SELECT max(task.ended_at) - min(task.started_at) FROM task_instance AS task
                        JOIN tasks USING (task_no) WHERE task.run_id = recent.run_id) END AS span,
             (SELECT sum(booked.amount) FROM booked
              JOIN attempt USING (run_id, task_no, map_index, try_number)
              JOIN tasks USING (task_no)
              WHERE booked.run_id = recent.run_id AND attempt.intent_at >= recent.started_at) AS cost
      FROM recent
    )
    SELECT count(span)::int AS runs,
           coalesce(extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY span)) * 1000, 0)::float8 AS "medianMs",
           CASE WHEN count(cost) > 0
                THEN trim_scale(percentile_disc(0.5) WITHIN GROUP (ORDER BY coalesce(cost, 0)))::text END AS "medianCost",
           (SELECT max(currency) FROM ledger WHERE run_id IN (SELECT run_id FROM recent)) AS currency
    FROM took WHERE span IS NOT NULL`.execute(store.db);
  return rows[0] ?? { runs: 0, medianMs: 0, medianCost: null, currency: null };
}
