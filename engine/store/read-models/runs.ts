import { sql } from "kysely";
import type { Instant } from "../../core/json.ts";
import type { RunState, RunType, TaskState } from "../../core/states.ts";
import { groupBy } from "../group-by.ts";
import type { Store } from "../open.ts";
import { costsByRun, type Cost } from "./costs.ts";

export type TaskCounts = Readonly<Partial<Record<TaskState, number>>>;

/** A run as lists show it. */
export interface RunSummary {
  readonly runId: string;
  readonly dagId: string;
  readonly dagRunId: string;
  readonly runType: RunType;
  readonly logicalAt: Instant | null;
  readonly runAfterAt: Instant;
  readonly backfillId: string | null;
  readonly state: RunState;
  readonly queuedAt: Instant;
  readonly startedAt: Instant | null;
  readonly endedAt: Instant | null;
  readonly quarantine: string | null;
  /** Empty until the run starts. */
  readonly taskCounts: TaskCounts;
  readonly cost: Cost;
}

export interface RunFilter {
  readonly dagId?: string;
  readonly states?: readonly RunState[];
  readonly backfillId?: string;
  /** At most so many: 100 unless told. */
  readonly limit?: number;
  /** The run id at which the page before ended. */
  readonly before?: string;
}

/** Runs, the newest first (by run id, which is time-ordered). */
export async function listRuns(store: Store, filter: RunFilter = {}): Promise<RunSummary[]> {
  const { dagId, states, backfillId, limit = 100, before } = filter;
  let query = store.db.selectFrom("dag_run").selectAll().orderBy("run_id", "desc").limit(limit);
  if (dagId !== undefined) query = query.where("dag_id", "=", dagId);
  if (states !== undefined) query = query.where("state", "in", states);
  if (backfillId !== undefined) query = query.where("backfill_id", "=", backfillId);
  if (before !== undefined) query = query.where("run_id", "<", before);
  const runs = await query.execute();
  const runIds = runs.map((run) => run.run_id);
  const [counts, costs] = await Promise.all([taskCounts(store, runIds), costsByRun(store, runIds)]);
  return runs.map((run) => ({
    runId: run.run_id,
    dagId: run.dag_id,
    dagRunId: run.dag_run_id,
    runType: run.run_type,
    logicalAt: run.logical_at,
    runAfterAt: run.run_after_at,
    backfillId: run.backfill_id,
    state: run.state,
    queuedAt: run.queued_at,
    startedAt: run.started_at,
    endedAt: run.ended_at,
    quarantine: run.quarantine,
    taskCounts: counts.get(run.run_id) ?? {},
    cost: costs.get(run.run_id) ?? { amount: "0", currency: null },
  }));
}

async function taskCounts(store: Store, runIds: readonly string[]): Promise<Map<string, TaskCounts>> {
  const rows = await store.db
    .selectFrom("task_instance")
    .select(["run_id", "state", sql<number>`count(*)::int`.as("count")])
    .where(sql<boolean>`run_id = ANY (${runIds}::uuid[])`)
    .groupBy(["run_id", "state"])
    .execute();
  const counts = [...groupBy(rows, (row) => row.run_id)].map(([runId, states]): [string, TaskCounts] => [
    runId,
    Object.fromEntries(states.map(({ state, count }) => [state, count])),
  ]);
  return new Map(counts);
}
