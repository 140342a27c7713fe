import { sql } from "kysely";
import type { Instant } from "../../core/json.ts";
import type { Deadline, DeadlineState } from "../../core/records.ts";
import type { RunState } from "../../core/states.ts";
import type { Store } from "../open.ts";
import { toDeadline } from "../rows.ts";

/** A deadline with the run that it is about, for people. */
export interface DeadlineSummary extends Deadline {
  /** null, as the next two: no run was made for this due time. */
  readonly dagRunId: string | null;
  readonly runState: RunState | null;
  /** When the run ended; null: it has not. */
  readonly runEndedAt: Instant | null;
}

export interface DeadlineFilter {
  readonly dagId?: string;
  /** Missed ones alone unless told. */
  readonly states?: readonly DeadlineState[];
  /** At most so many: 100 unless told. */
  readonly limit?: number;
}

/** Deadlines, the latest first. */
export async function listDeadlines(store: Store, filter: DeadlineFilter = {}): Promise<DeadlineSummary[]> {
  const { dagId, states = ["missed"], limit = 100 } = filter;
  let query = store.db
    .selectFrom("deadline")
    .leftJoin("dag_run", "dag_run.run_id", "deadline.run_id")
    .selectAll("deadline")
    .select(["dag_run.dag_run_id", "dag_run.state as run_state", "dag_run.ended_at as run_ended_at"])
    .where(sql<boolean>`deadline.state = ANY (${states})`)
    .orderBy("deadline.deadline_at", "desc")
    .orderBy("deadline.dag_id")
    .orderBy("deadline.rule")
    .limit(limit);
  if (dagId !== undefined) query = query.where("deadline.dag_id", "=", dagId);
  const rows = await query.execute();
  return rows.map((row) => ({
    ...toDeadline(row),
    dagRunId: row.dag_run_id,
    runState: row.run_state,
    runEndedAt: row.run_ended_at,
  }));
}
