import { sql } from "kysely";
import type { RunState } from "../../core/states.ts";
import { groupBy } from "../group-by.ts";
import type { Store } from "../open.ts";
import type { TaskCounts } from "./runs.ts";

/** How far a set of runs is. */
export interface RunsProgress {
  readonly runCounts: Readonly<Partial<Record<RunState, number>>>;
  /** Over the runs that have started; by task number. */
  readonly tasks: readonly { readonly taskId: string; readonly counts: TaskCounts }[];
}

/** How far the runs of a backfill are, and with them the runs named. */
export async function runsProgress(
  store: Store,
  of: { readonly backfillId?: string; readonly runIds?: readonly string[] },
): Promise<RunsProgress> {
  const { backfillId = null, runIds = [] } = of;
  const among = sql<boolean>`(dag_run.backfill_id = ${backfillId}::uuid OR dag_run.run_id = ANY (${runIds}::uuid[]))`;
  const [runs, tasks] = await Promise.all([
    // Of runs that have left for the archive, how they ended stays.
    sql<{ state: RunState; count: number }>`
      SELECT state, count(*)::int AS count FROM (
        SELECT state FROM dag_run WHERE ${among}
        UNION ALL
        SELECT state FROM run_summary AS run
        WHERE (backfill_id = ${backfillId}::uuid OR run_id = ANY (${runIds}::uuid[]))
          AND NOT EXISTS (SELECT FROM dag_run WHERE dag_run.run_id = run.run_id)
      ) AS runs GROUP BY state`
      .execute(store.db)
      .then(({ rows }) => rows),
    store.db
      .selectFrom("dag_run")
      .innerJoin("task_instance as task", "task.run_id", "dag_run.run_id")
      .innerJoin("dag_task", (join) =>
        join.onRef("dag_task.dag_id", "=", "dag_run.dag_id").onRef("dag_task.task_no", "=", "task.task_no"),
      )
      .select(["dag_task.task_id", "dag_task.task_no", "task.state", sql<number>`count(*)::int`.as("count")])
      .where(among)
      .groupBy(["dag_task.task_id", "dag_task.task_no", "task.state"])
      .orderBy("dag_task.task_no")
      .execute(),
  ]);
  return {
    runCounts: Object.fromEntries(runs.map(({ state, count }) => [state, count])),
    tasks: [...groupBy(tasks, (task) => task.task_id)].map(([taskId, states]) => ({
      taskId,
      counts: Object.fromEntries(states.map(({ state, count }) => [state, count])),
    })),
  };
}
