import { sql, type RawBuilder } from "kysely";
import type { Instant } from "../../core/json.ts";
import type { DagRun } from "../../core/records.ts";
import type { RunState, RunType } from "../../core/states.ts";
import type { Store } from "../open.ts";
import { all, isVisible, paged, readPage, within, type Page, type Paging, type Span, type Visible } from "./page.ts";

/** A run and the version of its DAG that it follows. */
export interface RunRow extends Omit<DagRun, "backfillId" | "quarantine" | "ending" | "budgetLevel" | "onlyTasks"> {
  readonly note: string | null;
  readonly versionNumber: number;
  readonly publishedAt: Instant;
}

const ORDER = {
  id: sql`run.run_id`,
  run_id: sql`run.dag_run_id`,
  dag_run_id: sql`run.dag_run_id`,
  dag_id: sql`run.dag_id`,
  state: sql`run.state`,
  run_type: sql`run.run_type`,
  logical_date: sql`run.logical_at`,
  run_after: sql`run.run_after_at`,
  queued_at: sql`run.queued_at`,
  start_date: sql`run.started_at`,
  end_date: sql`run.ended_at`,
} as const;
export type RunOrder = keyof typeof ORDER;
export const RUN_ORDERS = Object.keys(ORDER) as [RunOrder, ...RunOrder[]];

/** Times of a run that a list can be narrowed by. */
export interface RunSpans {
  readonly logicalAt?: Span | undefined;
  readonly runAfterAt?: Span | undefined;
  readonly startedAt?: Span | undefined;
  readonly endedAt?: Span | undefined;
}

export interface RunListFilter extends Paging<RunOrder>, RunSpans {
  readonly visible: Visible;
  readonly dagId?: string | undefined;
  readonly states?: readonly RunState[] | undefined;
  readonly runTypes?: readonly RunType[] | undefined;
}

const RUN = sql`SELECT run.run_id AS "runId", run.dag_id AS "dagId", dag_run_id AS "dagRunId", run_type AS "runType",
    logical_at AS "logicalAt", interval_start_at AS "intervalStartAt", interval_end_at AS "intervalEndAt",
    run_after_at AS "runAfterAt", conf, state, queued_at AS "queuedAt", started_at AS "startedAt", ended_at AS "endedAt",
    triggered_by AS "triggeredBy", note, version_id AS "versionId", version_number AS "versionNumber",
    version.created_at AS "publishedAt"
  FROM dag_run AS run JOIN dag_version AS version USING (version_id)`;

/** Conditions on the run's own times. */
export const spansOf = (spans: RunSpans): RawBuilder<unknown>[] => [
  ...within(sql`run.logical_at`, spans.logicalAt),
  ...within(sql`run.run_after_at`, spans.runAfterAt),
  ...within(sql`run.started_at`, spans.startedAt),
  ...within(sql`run.ended_at`, spans.endedAt),
];

/** Written out: only then does Postgres see that an index of one state has all of them. */
const isIn = (states: readonly RunState[]): RawBuilder<unknown> =>
  states.length === 0 ? sql`false` : sql`run.state IN (${sql.join(states.map((state) => sql.lit(state)))})`;

/** One page of the runs that the filter lets through; the oldest first unless told. */
export async function runPage(store: Store, filter: RunListFilter): Promise<Page<RunRow>> {
  const { dagId, states, runTypes } = filter;
  const where = all([
    ...isVisible(sql`run.dag_id`, filter.visible),
    ...(dagId === undefined ? [] : [sql`run.dag_id = ${dagId}`]),
    ...(states === undefined ? [] : [isIn(states)]),
    ...(runTypes === undefined ? [] : [sql`run.run_type = ANY (${runTypes}::text[])`]),
    ...spansOf(filter),
  ]);
  const page = paged(filter, ORDER, ORDER.id);
  return readPage<RunRow>(store, { select: RUN, from: sql`FROM dag_run AS run`, where, page });
}

/** One run by the engine's id; null: there is none. */
export async function runById(store: Store, runId: string): Promise<RunRow | null> {
  const { rows } = await sql<RunRow>`${RUN} WHERE run.run_id = ${runId}::uuid`.execute(store.db);
  return rows[0] ?? null;
}

/** One run as its DAG knows it, by the key that never leaves; null: the DAG has none of that id. */
export async function oneRun(store: Store, dagId: string, dagRunId: string): Promise<RunRow | null> {
  const { rows } = await sql<RunRow>`${RUN} WHERE run.run_id =
    (SELECT run_id FROM run_key WHERE dag_id = ${dagId} AND dag_run_id = ${dagRunId})`.execute(store.db);
  return rows[0] ?? null;
}
