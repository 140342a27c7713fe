import type { Instant } from "../../core/json.ts";
import type { Store } from "../open.ts";

/**
 * Whether this run has left for the archive, or is just leaving (protocol rule 29): nothing of it can be changed any more, and
 * a command that would is answered RUN_ARCHIVED. False for a run that never was.
 */
export async function isArchived(store: Store, runId: string): Promise<boolean> {
  const { rows } = await store.pool.query<{ archived: boolean }>({
    name: "is_archived",
    text: `SELECT EXISTS (SELECT FROM run_summary WHERE run_id = $1::uuid)
        OR EXISTS (SELECT FROM partition_state JOIN run_key ON run_id >= from_id AND run_id < to_id
                   WHERE state = 'closing' AND run_id = $1::uuid) AS archived`,
    values: [runId],
  });
  return rows[0]?.archived ?? false;
}

/** What stays of a run that has left. */
export interface ArchivedRun {
  readonly runId: string;
  readonly dagId: string;
  readonly dagRunId: string;
  readonly state: string;
  readonly startedAt: Instant | null;
  readonly endedAt: Instant | null;
  /** Where its month was exported to; null: it is just leaving. */
  readonly folder: string | null;
}

/** Runs that have left, by uuid or by Airflow's run id; of one DAG, or of any. */
export async function archivedRuns(
  store: Store,
  name: { readonly runId?: string; readonly dagRunId?: string; readonly dagId?: string | undefined },
): Promise<ArchivedRun[]> {
  const { runId = null, dagRunId = null, dagId = null } = name;
  const { rows } = await store.pool.query<ArchivedRun>(
    `SELECT run_id AS "runId", dag_id AS "dagId", dag_run_id AS "dagRunId", run_summary.state,
            started_at AS "startedAt", ended_at AS "endedAt", export ->> 'folder' AS folder
     FROM run_key JOIN run_summary USING (run_id, dag_id, dag_run_id)
     LEFT JOIN partition_state ON run_id >= from_id AND run_id < to_id
     WHERE ($1::uuid IS NULL OR run_id = $1) AND ($2::text IS NULL OR dag_run_id = $2)
       AND ($3::text IS NULL OR dag_id = $3)
     LIMIT 100`,
    [runId, dagRunId, dagId],
  );
  return rows;
}
