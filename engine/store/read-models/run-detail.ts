import { sql } from "kysely";
import type { BudgetSpec } from "../../core/dag.ts";
import type { Instant } from "../../core/json.ts";
import type { Attempt, DagRun, LedgerEntry } from "../../core/records.ts";
import type { TaskState } from "../../core/states.ts";
import { groupBy } from "../group-by.ts";
import type { Store } from "../open.ts";
import { toAttempt, toRun } from "../rows.ts";

export type UsageRow = Pick<
  LedgerEntry,
  "usageKind" | "kind" | "quantity" | "unit" | "unitPrice" | "amount" | "currency" | "priceSource"
>;

export interface AttemptDetail extends Attempt {
  readonly usage: readonly UsageRow[];
}

export interface TaskDetail {
  readonly taskId: string;
  /** As the run's version of the DAG says; null where that version has no such task. */
  readonly operator: string | null;
  readonly taskNo: number;
  readonly mapIndex: number;
  /** Of an instance of a mapped task whose `for_each` says one. */
  readonly label: string | null;
  readonly state: TaskState;
  readonly tryNumber: number;
  readonly maxTry: number;
  readonly startedAt: Instant | null;
  readonly endedAt: Instant | null;
  readonly retryAt: Instant | null;
  /** Oldest first. */
  readonly attempts: readonly AttemptDetail[];
}

export interface RunDetail {
  readonly run: DagRun;
  readonly versionNumber: number;
  readonly note?: string | null;
  /** Of the version that it runs on. */
  readonly budget: BudgetSpec | null;
  /** By task number, the order in which the DAG's tasks became known. Empty until the run starts. */
  readonly tasks: readonly TaskDetail[];
}

/** Everything about one run; null: the DAG has none of that id. */
export async function runDetail(store: Store, dagId: string, dagRunId: string): Promise<RunDetail | null> {
  const found = await store.db
    .selectFrom("dag_run")
    .innerJoin("dag_version", "dag_version.version_id", "dag_run.version_id")
    .selectAll("dag_run")
    .select(["dag_version.version_number", "dag_version.spec"])
    .where("dag_run.dag_id", "=", dagId)
    .where("dag_run.dag_run_id", "=", dagRunId)
    .executeTakeFirst();
  if (!found) return null;
  const run = toRun(found);
  const [tasks, attempts, usage] = await Promise.all([
    store.db
      .selectFrom("task_instance as task")
      .innerJoin("dag_task", (join) =>
        join.onRef("dag_task.task_no", "=", "task.task_no").on("dag_task.dag_id", "=", dagId),
      )
      .leftJoin("expansion", (join) =>
        join.onRef("expansion.run_id", "=", "task.run_id").onRef("expansion.task_no", "=", "task.task_no"),
      )
      .selectAll("task")
      .select("dag_task.task_id")
      .select(
        sql<string | null>`CASE WHEN task.map_index >= 0 THEN expansion.labels ->> task.map_index END`.as("label"),
      )
      .where("task.run_id", "=", run.runId)
      .orderBy("task.task_no")
      .orderBy("task.map_index")
      .execute(),
    store.db.selectFrom("attempt").selectAll().where("run_id", "=", run.runId).orderBy("try_number").execute(),
    store.db.selectFrom("booked").selectAll().where("run_id", "=", run.runId).orderBy("usage_kind").execute(),
  ]);
  const operators = new Map(found.spec.tasks.map(({ taskId, operator }) => [taskId, operator]));
  const usageOf = groupBy(usage, (row) => `${row.task_no}/${row.map_index}/${row.try_number}`);
  const attemptsOf = groupBy(attempts, (row) => `${row.task_no}/${row.map_index}`);
  return {
    run,
    versionNumber: found.version_number,
    note: found.note,
    budget: found.spec.budget ?? null,
    tasks: tasks.map((task) => ({
      taskId: task.task_id,
      operator: operators.get(task.task_id) ?? null,
      taskNo: task.task_no,
      mapIndex: task.map_index,
      label: task.label,
      state: task.state,
      tryNumber: task.try_number,
      maxTry: task.max_try,
      startedAt: task.started_at,
      endedAt: task.ended_at,
      retryAt: task.retry_at,
      attempts: (attemptsOf.get(`${task.task_no}/${task.map_index}`) ?? []).map((attempt) => ({
        ...toAttempt(attempt),
        usage: (usageOf.get(`${attempt.task_no}/${attempt.map_index}/${attempt.try_number}`) ?? []).map((row) => ({
          usageKind: row.usage_kind,
          kind: row.kind,
          quantity: row.quantity,
          unit: row.unit,
          unitPrice: row.unit_price,
          amount: row.amount,
          currency: row.currency,
          priceSource: row.price_source,
        })),
      })),
    })),
  };
}
