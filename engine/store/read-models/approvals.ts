import { sql } from "kysely";
import { APPROVAL, type ApprovalTerms } from "../../core/approval.ts";
import type { Instant } from "../../core/json.ts";
import type { Store } from "../open.ts";

/** An approval that waits for somebody's word. */
export interface WaitingApproval {
  readonly dagId: string;
  readonly runId: string;
  readonly dagRunId: string;
  readonly taskId: string;
  readonly mapIndex: number;
  readonly tryNumber: number;
  readonly message: string;
  readonly approvers: readonly string[];
  readonly askedAt: Instant;
  /** null: it waits for ever. */
  readonly until: Instant | null;
}

/** Every approval that waits, the oldest first; at most `limit`. */
export async function waitingApprovals(store: Store, limit = 500): Promise<WaitingApproval[]> {
  const rows = await store.db
    .selectFrom("attempt")
    .innerJoin("dag_run", "dag_run.run_id", "attempt.run_id")
    .innerJoin("dag_task", (join) =>
      join.onRef("dag_task.dag_id", "=", "dag_run.dag_id").onRef("dag_task.task_no", "=", "attempt.task_no"),
    )
    .select(["dag_run.dag_id", "dag_run.dag_run_id", "attempt.run_id", "dag_task.task_id", "attempt.map_index"])
    .select(["attempt.try_number", "attempt.ref", "attempt.submitted_at", "attempt.intent_at"])
    // Found by way of the runs that have not ended.
    .where(sql<boolean>`dag_run.state IN ('queued', 'running') AND attempt.state = 'open' AND attempt.ref IS NOT NULL`)
    .where("attempt.operator", "=", APPROVAL)
    .orderBy("attempt.intent_at")
    .limit(limit)
    .execute();
  return rows.map((row) => {
    const { message, approvers, until } = row.ref as ApprovalTerms;
    return {
      dagId: row.dag_id,
      runId: row.run_id,
      dagRunId: row.dag_run_id,
      taskId: row.task_id,
      mapIndex: row.map_index,
      tryNumber: row.try_number,
      message,
      approvers,
      askedAt: row.submitted_at ?? row.intent_at,
      until,
    };
  });
}
