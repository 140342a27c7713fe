import { sql } from "kysely";
import type { Store } from "./open.ts";

/** Older runs had other data. */
const MOST_RUNS = 20;
/** Of a mapped task so many instances of a run speak for the others. */
const MOST_INSTANCES = 5;

export interface TaskOfDag {
  readonly dagId: string;
  readonly taskNo: number;
}

/**
 * How long the last successful attempts of these tasks took, in milliseconds of the engine's time, the newest runs first; in
 * the order asked for. By the indexes dag_run_of_dag and attempt_pkey: 20 short looks a task.
 */
export async function taskDurations(store: Store, tasks: readonly TaskOfDag[]): Promise<readonly number[][]> {
  const { rows } = await sql<{ place: number; took: number[] }>`
    SELECT wish.place::int AS place, array_agg(recent.took ORDER BY run.run_id DESC) AS took
    FROM unnest(${tasks.map(({ dagId }) => dagId)}::text[], ${tasks.map(({ taskNo }) => taskNo)}::int[])
      WITH ORDINALITY AS wish (dag_id, task_no, place)
    CROSS JOIN LATERAL (
      SELECT run_id FROM dag_run WHERE dag_run.dag_id = wish.dag_id ORDER BY run_id DESC LIMIT ${MOST_RUNS}
    ) AS run
    CROSS JOIN LATERAL (
      SELECT (extract(epoch FROM attempt.ended_at - attempt.submitted_at) * 1000)::float8 AS took FROM attempt
      WHERE attempt.run_id = run.run_id AND attempt.task_no = wish.task_no
        AND attempt.state = 'succeeded' AND attempt.submitted_at IS NOT NULL
      LIMIT ${MOST_INSTANCES}
    ) AS recent
    GROUP BY wish.place`.execute(store.db);
  const byPlace = new Map(rows.map(({ place, took }) => [place, took]));
  return tasks.map((_, index) => byPlace.get(index + 1) ?? []);
}
