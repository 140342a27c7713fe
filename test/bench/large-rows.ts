import type { QueryConfig } from "pg";
import type { LoadedDag } from "../../engine/core/dag.ts";
import type { Store } from "../../engine/store/open.ts";
import { dagOf, chain } from "./dags.ts";
import type { Telling } from "./figures.ts";

/** How long ago the history began: as many partitions as a system keeps that exports after half a year. */
const MONTHS = 6;
const TASKS_OF_RUN = 20;
const OLD_DAGS = 40;

/** The DAGs of the history. */
export const oldDags = (): LoadedDag[] =>
  Array.from({ length: OLD_DAGS }, (_, index) => dagOf(`old_${index}`, chain(TASKS_OF_RUN)));

/** A run id of this moment that no other run has: as the engine makes them, with a number in place of chance. */
const RUN_ID = `overlay(run_id_from(at)::text placing '-7000-8000-' || lpad(to_hex(n), 12, '0') from 14 for 23)::uuid`;

/** One month's runs and all that a run of no-ops leaves behind; $1 the month, $2 the first run's number, $3 how many. */
const MONTH = [
  `CREATE TEMPORARY TABLE old_run AS SELECT ${RUN_ID} AS run_id, n, at, 'old_' || n % ${OLD_DAGS} AS dag_id FROM (
     SELECT n, $1::timestamptz + (n - $2::bigint) * ((interval '28 days') / $3::bigint) AS at
     FROM generate_series($2::bigint, $2::bigint + $3::bigint - 1) AS n) AS times`,
  `INSERT INTO run_key SELECT run_id, dag_id, 'scheduled__' || to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.US') || '_' || n, at FROM old_run`,
  `INSERT INTO dag_run (run_id, dag_id, dag_run_id, run_type, logical_at, interval_start_at, interval_end_at, run_after_at,
     version_id, conf, state, queued_at, started_at, ended_at, triggered_by)
   SELECT run_id, dag_id, 'scheduled__' || to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.US') || '_' || n, 'scheduled', at, at, at, at, version_id, '{}',
     CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'success' END, at, at, at + interval '30 minutes', 'scheduler'
   FROM old_run JOIN dag_version USING (dag_id)`,
  `INSERT INTO task_instance (run_id, task_no, map_index, state, try_number, max_try, started_at, ended_at)
   SELECT run_id, t, -1, 'success', 1, 1, at + t * interval '1 minute', at + (t + 1) * interval '1 minute'
   FROM old_run, generate_series(1, ${TASKS_OF_RUN}) AS t`,
  `INSERT INTO attempt (run_id, task_no, map_index, try_number, state, operator, connection, launch_key, params_hash,
     intent_at, send_by, submit_at, pushbacks, ever_in_doubt, ref, submitted_at, ended_at)
   SELECT run_id, t, -1, 1, 'succeeded', 'noop', 'default', lpad(to_hex(n * ${TASKS_OF_RUN} + t), 48, '0'),
     lpad('', 64, '0'), at, at, at, 0, false, '{}', at, at + (t + 1) * interval '1 minute'
   FROM old_run, generate_series(1, ${TASKS_OF_RUN}) AS t`,
  `INSERT INTO state_history (run_id, task_no, map_index, from_state, to_state, why, by, at)
   SELECT run_id, t, -1, 'queued', 'success', '', 'engine', at + (t + 1) * interval '1 minute'
   FROM old_run, generate_series(1, ${TASKS_OF_RUN}) AS t`,
  "DROP TABLE old_run",
];

/**
 * Makes history: `rows` task instances of ended runs, with as many attempts and as many entries of their history, over the
 * months before this one. The DAGs of `oldDags` must have been published.
 */
export async function makeHistory(store: Store, rows: number, tell: Telling): Promise<void> {
  const runs = Math.ceil(rows / TASKS_OF_RUN / MONTHS);
  const client = await store.pool.connect();
  try {
    // The pool's own limits are for statements of an engine.
    const long = (text: string, values: unknown[] = []) =>
      client.query({ text, values, query_timeout: 3_600_000 } as QueryConfig);
    await client.query("SET statement_timeout = 0");
    for (let month = 0; month < MONTHS; month++) {
      tell.progress(`month ${month + 1} of ${MONTHS} of the history: ${runs * TASKS_OF_RUN} task instances`);
      const { rows: found } = await client.query<{ at: string }>(
        `SELECT at::text FROM (SELECT date_trunc('month', clock_timestamp(), 'UTC') - $1 * interval '1 month' AS at) AS month,
           make_month(at)`,
        [month + 1],
      );
      for (const statement of MONTH) {
        const values = [found[0]?.at, month * runs, runs];
        await long(statement, statement.includes("$1") ? values : []);
      }
    }
    tell.progress("vacuum and analyze, as the server would have by then");
    await long("VACUUM (ANALYZE)");
    await long("CHECKPOINT");
  } finally {
    client.release(true);
  }
}
