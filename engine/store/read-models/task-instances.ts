import { sql } from "kysely";
import type { TaskSpec } from "../../core/dag.ts";
import type { Instant } from "../../core/json.ts";
import type { TaskState } from "../../core/states.ts";
import type { Store } from "../open.ts";
import { all, isVisible, paged, readPage, within, type Page, type Paging, type Visible } from "./page.ts";
import { spansOf, type RunSpans } from "./run-list.ts";

/** A task instance with what its run and its DAG's version say of it. */
export interface TaskInstanceRow {
  readonly runId: string;
  readonly dagId: string;
  readonly dagRunId: string;
  readonly taskId: string;
  readonly mapIndex: number;
  /** What `for_each.label` rendered to for this instance; null: it has none. */
  readonly label: string | null;
  readonly state: TaskState;
  readonly tryNumber: number;
  readonly maxTry: number;
  readonly startedAt: Instant | null;
  readonly endedAt: Instant | null;
  readonly logicalAt: Instant | null;
  readonly runAfterAt: Instant;
  /** When the newest attempt was given its slots; null: it was not yet. */
  readonly queuedAt: Instant | null;
  readonly note: string | null;
  /** As the run's version says; null where that version has no such task. */
  readonly task: Pick<TaskSpec, "operator" | "pool" | "poolSlots" | "priority"> | null;
  readonly versionId: string;
  readonly versionNumber: number;
  readonly publishedAt: Instant;
}

const ORDER = {
  id: sql`task.run_id`,
  task_id: sql`dag_task.task_id`,
  state: sql`task.state`,
  start_date: sql`task.started_at`,
  end_date: sql`task.ended_at`,
  try_number: sql`task.try_number`,
  map_index: sql`task.map_index`,
  logical_date: sql`run.logical_at`,
  run_after: sql`run.run_after_at`,
} as const;
export type TaskOrder = keyof typeof ORDER;
export const TASK_ORDERS = Object.keys(ORDER) as [TaskOrder, ...TaskOrder[]];

/** `startedAt` and `endedAt` are the task's, the other times its run's. */
export interface TaskListFilter extends Paging<TaskOrder>, RunSpans {
  readonly visible: Visible;
  readonly dagId?: string | undefined;
  readonly dagRunId?: string | undefined;
  readonly taskId?: string | undefined;
  readonly mapIndex?: number | undefined;
  readonly states?: readonly TaskState[] | undefined;
}

const FROM = sql`FROM dag_run AS run
  JOIN task_instance AS task ON task.run_id = run.run_id
  JOIN dag_task ON dag_task.dag_id = run.dag_id AND dag_task.task_no = task.task_no`;

const TASK = sql`SELECT task.run_id AS "runId", run.dag_id AS "dagId", run.dag_run_id AS "dagRunId",
    dag_task.task_id AS "taskId", task.map_index AS "mapIndex", task.state, task.try_number AS "tryNumber",
    task.max_try AS "maxTry", task.started_at AS "startedAt", task.ended_at AS "endedAt", run.logical_at AS "logicalAt",
    run.run_after_at AS "runAfterAt", attempt.intent_at AS "queuedAt", run.version_id AS "versionId",
    task_note.note, expansion.labels ->> task.map_index AS label
  ${FROM}
  LEFT JOIN expansion ON expansion.run_id = task.run_id AND expansion.task_no = task.task_no AND task.map_index >= 0
  LEFT JOIN task_note ON task_note.run_id = task.run_id AND task_note.task_no = task.task_no
    AND task_note.map_index = task.map_index
  LEFT JOIN attempt ON attempt.run_id = task.run_id AND attempt.task_no = task.task_no
    AND attempt.map_index = task.map_index AND attempt.try_number = task.try_number`;

/** A mapped task as a whole, once it has instances: clients are shown those, as in Airflow. */
const IS_WHOLE = sql`(task.map_index < 0 AND task.state NOT IN ('none', 'scheduled') AND EXISTS (
  SELECT FROM task_instance AS instance
  WHERE instance.run_id = task.run_id AND instance.task_no = task.task_no AND instance.map_index >= 0))`;

/** One page of task instances, in the order of runs and then of their DAG's tasks unless told. A run has none before it starts. */
export async function taskPage(store: Store, filter: TaskListFilter): Promise<Page<TaskInstanceRow>> {
  const { dagId, dagRunId, taskId, mapIndex, states } = filter;
  const where = all([
    ...isVisible(sql`run.dag_id`, filter.visible),
    sql`NOT ${IS_WHOLE}`,
    ...(dagId === undefined ? [] : [sql`run.dag_id = ${dagId}`]),
    ...(dagRunId === undefined ? [] : [sql`run.dag_run_id = ${dagRunId}`]),
    ...(taskId === undefined ? [] : [sql`dag_task.task_id = ${taskId}`]),
    ...(mapIndex === undefined ? [] : [sql`task.map_index = ${mapIndex}`]),
    ...(states === undefined ? [] : [sql`task.state = ANY (${states}::text[])`]),
    ...spansOf({ logicalAt: filter.logicalAt, runAfterAt: filter.runAfterAt }),
    ...within(sql`task.started_at`, filter.startedAt),
    ...within(sql`task.ended_at`, filter.endedAt),
  ]);
  const page = paged(filter, ORDER, sql`task.run_id, task.task_no, task.map_index`);
  type Stored = Omit<TaskInstanceRow, "task" | "versionNumber" | "publishedAt">;
  const { rows, total } = await readPage<Stored>(store, { select: TASK, from: FROM, where, page });
  const versions = await versionsOf(store, new Set(rows.map((row) => row.versionId)));
  return {
    rows: rows.map((row) => ({ ...row, ...ofVersion(versions.get(row.versionId), row) })),
    total,
  };
}

type OfVersion = Pick<TaskInstanceRow, "task" | "versionId" | "versionNumber" | "publishedAt">;
type Version = Omit<OfVersion, "task"> & { readonly tasks: ReadonlyMap<string, TaskSpec> };

/** A version is read once for all of its rows: a DAG's text is long. */
async function versionsOf(store: Store, versionIds: ReadonlySet<string>): Promise<ReadonlyMap<string, Version>> {
  if (versionIds.size === 0) return new Map();
  const versions = await store.db
    .selectFrom("dag_version")
    .select(["version_id", "version_number", "created_at", "spec"])
    .where("version_id", "in", [...versionIds])
    .execute();
  return new Map(
    versions.map((version) => [
      version.version_id,
      {
        versionId: version.version_id,
        versionNumber: version.version_number,
        publishedAt: version.created_at,
        tasks: new Map(version.spec.tasks.map((task) => [task.taskId, task])),
      },
    ]),
  );
}

function ofVersion(version: Version | undefined, { taskId }: { readonly taskId: string }): OfVersion {
  if (!version) throw new Error("a run has no version");
  const { tasks, ...rest } = version;
  return { ...rest, task: tasks.get(taskId) ?? null };
}
