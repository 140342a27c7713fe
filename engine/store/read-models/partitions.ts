import type { Instant } from "../../core/json.ts";
import type { Store } from "../open.ts";

/** A month of runs. */
export interface MonthOfRuns {
  /** 2026_01; `first`: all from before there were months; `rest`: what belongs to no month. */
  readonly month: string;
  readonly state: "open" | "closing" | "gone";
  /** Its runs were made before; null: of the rest. */
  readonly untilAt: Instant | null;
  /** As the server last counted; null: it has not counted yet. */
  readonly runs: number | null;
  /** On the disk, of all its tables with their indexes. */
  readonly bytes: number;
  /** Where it was exported to; null: it was not. */
  readonly folder: string | null;
}

/** Every month there is or was, the oldest first, and the rest at the end. */
export async function monthsOfRuns(store: Store): Promise<MonthOfRuns[]> {
  const { rows } = await store.pool.query<MonthOfRuns>(
    `WITH month AS (
       SELECT month, state, until_at, export ->> 'folder' AS folder FROM partition_state
       UNION ALL SELECT 'rest', 'open', NULL, NULL
     ), part AS (
       SELECT month, to_regclass(format('%I', parent || '_' || month)) AS oid, parent
       FROM month CROSS JOIN partitioned_tables() AS parent
     )
     SELECT month, state, until_at AS "untilAt", folder,
            (SELECT nullif(reltuples, -1)::float8 FROM part JOIN pg_class USING (oid)
             WHERE part.month = month.month AND part.parent = 'dag_run') AS runs,
            coalesce((SELECT sum(pg_total_relation_size(oid)) FROM part WHERE part.month = month.month), 0)::float8 AS bytes
     FROM month ORDER BY until_at NULLS LAST`,
  );
  return rows;
}
