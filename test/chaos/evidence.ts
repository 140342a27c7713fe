import type { TaskState } from "../../engine/core/states.ts";
import type { Store } from "../../engine/store/open.ts";
import type { LocalRun } from "../e2e/project.ts";

export interface RunRow {
  readonly runId: string;
  readonly dagId: string;
  readonly dagRunId: string;
  /** "2026-03-01"; null: a run without a logical date. */
  readonly day: string | null;
  readonly state: string;
  readonly quarantine: string | null;
  readonly isStarted: boolean;
}
/** A task instance by its run and its name: "t3", "t3[1]". */
interface Keyed {
  readonly runId: string;
  readonly name: string;
}
export interface TaskRow extends Keyed {
  readonly state: TaskState;
  readonly tryNumber: number;
}
export interface AttemptRow extends Keyed {
  readonly tryNumber: number;
  readonly state: string;
  readonly operator: string;
  readonly launchKey: string;
  readonly isEnding: boolean;
  /** What is still owed for it: "open", "settle", "search", "duplicates". */
  readonly owes: readonly string[];
}
export interface HistoryRow extends Keyed {
  readonly from: TaskState;
  readonly to: TaskState;
  readonly why: string;
  readonly by: string;
}
export interface OutputRow extends Keyed {
  readonly tryNumber: number;
  readonly output: unknown;
}

/** All that is left of a seed: the fleet's rows, and what its AWS says that it ran. */
export interface Evidence {
  readonly runs: readonly RunRow[];
  readonly tasks: readonly TaskRow[];
  readonly attempts: readonly AttemptRow[];
  readonly history: readonly HistoryRow[];
  readonly outputs: readonly OutputRow[];
  readonly commands: readonly { readonly kind: string; readonly state: string; readonly result: unknown }[];
  readonly backfills: readonly { readonly state: string }[];
  readonly jobs: readonly LocalRun[];
}

const NAME = "dag_task.task_id || CASE WHEN row.map_index < 0 THEN '' ELSE '[' || row.map_index || ']' END AS name";
const named = (table: string): string =>
  `${table} AS row JOIN dag_run AS run USING (run_id) JOIN dag_task ON dag_task.dag_id = run.dag_id AND dag_task.task_no = row.task_no`;

/** In the words of a run: "t3[1]" of "backfill__2026-03-01…". */
export async function readEvidence({ pool }: Store, jobs: readonly LocalRun[]): Promise<Evidence> {
  const read = async <Row>(query: string): Promise<readonly Row[]> => (await pool.query(query)).rows as Row[];
  return {
    jobs,
    runs: await read(
      `SELECT run_id AS "runId", dag_id AS "dagId", dag_run_id AS "dagRunId", state, quarantine,
         started_at IS NOT NULL AS "isStarted", to_char(logical_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day FROM dag_run ORDER BY run_id`,
    ),
    tasks: await read(
      `SELECT row.run_id AS "runId", ${NAME}, row.state, row.try_number AS "tryNumber" FROM ${named("task_instance")}`,
    ),
    attempts: await read(
      `SELECT row.run_id AS "runId", ${NAME}, row.try_number AS "tryNumber", row.state, operator, launch_key AS "launchKey",
         row.ending IS NOT NULL AS "isEnding",
         array_remove(ARRAY[CASE WHEN row.state IN ('open', 'orphan') THEN row.state END,
           CASE WHEN settle_at IS NOT NULL THEN 'settle' END, CASE WHEN search_at IS NOT NULL THEN 'search' END,
           CASE WHEN duplicates IS NOT NULL THEN 'duplicates' END], NULL) AS owes
       FROM ${named("attempt")} ORDER BY row.run_id, row.task_no, row.map_index, row.try_number`,
    ),
    history: await read(
      `SELECT row.run_id AS "runId", ${NAME}, from_state AS "from", to_state AS "to", why, by FROM ${named("state_history")}
       ORDER BY row.run_id, row.task_no, row.map_index, entry_no`,
    ),
    outputs: await read(
      `SELECT row.run_id AS "runId", ${NAME}, row.try_number AS "tryNumber", output FROM ${named("output")}`,
    ),
    commands: await read("SELECT body->>'kind' AS kind, state, result FROM command ORDER BY id"),
    backfills: await read("SELECT state FROM backfill"),
  };
}

/** How much of the work is done, as lines of history; and whether something is still to be done. */
export async function progressOf({ pool }: Store): Promise<{ readonly lines: number; readonly open: string | null }> {
  const { rows } = await pool.query<{ lines: number; open: string | null }>(
    `SELECT (SELECT count(*)::int FROM state_history WHERE from_state <> to_state) AS lines,
       nullif(concat_ws(', ',
         (SELECT 'no backfill' WHERE NOT EXISTS (SELECT FROM backfill)),
         (SELECT count(*) || ' commands' FROM command WHERE state = 'pending' HAVING count(*) > 0),
         (SELECT count(*) || ' backfills' FROM backfill WHERE state = 'active' HAVING count(*) > 0),
         (SELECT count(*) || ' runs' FROM dag_run WHERE state IN ('queued', 'running') HAVING count(*) > 0),
         (SELECT count(*) || ' attempts' FROM attempt WHERE state IN ('open', 'orphan') OR settle_at IS NOT NULL
            OR search_at IS NOT NULL OR duplicates IS NOT NULL HAVING count(*) > 0)), '') AS open`,
  );
  return rows[0] ?? { lines: 0, open: "no answer" };
}
