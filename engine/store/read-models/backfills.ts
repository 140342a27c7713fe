import { sql } from "kysely";
import type { Backfill } from "../../core/records.ts";
import type { RunState } from "../../core/states.ts";
import { groupBy } from "../group-by.ts";
import type { Store } from "../open.ts";
import { toBackfill } from "../rows.ts";
import { costs } from "./costs.ts";
import type { TaskCounts } from "./runs.ts";

export interface BackfillProgress {
  readonly backfill: Backfill;
  readonly runCounts: Readonly<Partial<Record<RunState, number>>>;
  /** Over the runs that have started; by task number. */
  readonly tasks: readonly { readonly taskId: string; readonly counts: TaskCounts }[];
  /** Exact decimal text, of what is booked so far. */
  readonly costAmount: string;
  /** null: nothing is booked yet. */
  readonly currency: string | null;
}

/** How far a backfill is; null: there is none of that id. */
export async function backfillProgress(store: Store, backfillId: string): Promise<BackfillProgress | null> {
  const row = await store.db
    .selectFrom("backfill")
    .selectAll()
    .where("backfill_id", "=", backfillId)
    .executeTakeFirst();
  if (!row) return null;
  const [runs, tasks, cost] = await Promise.all([
    store.db
      .selectFrom("dag_run")
      .select(["state", sql<number>`count(*)::int`.as("count")])
      .where("backfill_id", "=", backfillId)
      .groupBy("state")
      .execute(),
    store.db
      .selectFrom("dag_run")
      .innerJoin("task_instance as task", "task.run_id", "dag_run.run_id")
      .innerJoin("dag_task", (join) =>
        join.onRef("dag_task.dag_id", "=", "dag_run.dag_id").onRef("dag_task.task_no", "=", "task.task_no"),
      )
      .select(["dag_task.task_id", "dag_task.task_no", "task.state", sql<number>`count(*)::int`.as("count")])
      .where("dag_run.backfill_id", "=", backfillId)
      .groupBy(["dag_task.task_id", "dag_task.task_no", "task.state"])
      .orderBy("dag_task.task_no")
      .execute(),
    costs(store, { backfillId }),
  ]);
  return {
    backfill: toBackfill(row),
    runCounts: Object.fromEntries(runs.map(({ state, count }) => [state, count])),
    tasks: [...groupBy(tasks, (task) => task.task_id)].map(([taskId, states]) => ({
      taskId,
      counts: Object.fromEntries(states.map(({ state, count }) => [state, count])),
    })),
    costAmount: cost.amount,
    currency: cost.currency,
  };
}

/** Backfills, the newest first. */
export async function listBackfills(store: Store, filter: { readonly dagId?: string } = {}): Promise<Backfill[]> {
  let query = store.db.selectFrom("backfill").selectAll().orderBy("created_at", "desc").orderBy("backfill_id", "desc");
  if (filter.dagId !== undefined) query = query.where("dag_id", "=", filter.dagId);
  return (await query.limit(1_000).execute()).map(toBackfill);
}
