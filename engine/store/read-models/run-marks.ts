import { sql } from "kysely";
import type { Instant } from "../../core/json.ts";
import type { RunState } from "../../core/states.ts";
import type { Store } from "../open.ts";

/** Where a run stands, and no more: for whoever looks every second. */
export interface RunMark {
  readonly runId: string;
  readonly dagId: string;
  readonly dagRunId: string;
  readonly state: RunState;
  readonly startedAt: Instant | null;
  readonly endedAt: Instant | null;
  readonly quarantine: string | null;
}

/** Runs that are active, were made after `after` (a run id), or are among `runIds`; oldest first. Each part has its index. */
export async function runMarks(
  store: Store,
  of: { readonly after: string; readonly runIds: readonly string[] },
): Promise<RunMark[]> {
  const { rows } = await sql<RunMark>`
    SELECT run_id AS "runId", dag_id AS "dagId", dag_run_id AS "dagRunId", state, started_at AS "startedAt",
           ended_at AS "endedAt", quarantine
    FROM dag_run
    WHERE state IN ('queued', 'running') OR run_id > ${of.after}::uuid OR run_id = ANY (${of.runIds}::uuid[])
    ORDER BY run_id`.execute(store.db);
  return rows;
}

/** Before every run id. */
const NO_RUN = "00000000-0000-0000-0000-000000000000";

/** The newest run's id; one before all others when there is none. */
export async function newestRunId(store: Store): Promise<string> {
  const row = await store.db
    .selectFrom("dag_run")
    .select("run_id")
    .orderBy("run_id", "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.run_id ?? NO_RUN;
}
