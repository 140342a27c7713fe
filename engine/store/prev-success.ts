import { sql } from "kysely";
import type { Instant } from "../core/json.ts";
import type { PrevSuccessWish } from "../core/machine/prev-success.ts";
import type { PrevSuccess } from "../core/records.ts";
import { NOT_LEAVING } from "./load.ts";
import type { Store } from "./open.ts";

interface Row {
  readonly wished_by: string;
  readonly logical_at: Instant;
  readonly interval_start_at: Instant | null;
  readonly interval_end_at: Instant | null;
  readonly run_after_at: Instant;
  readonly started_at: Instant | null;
}

/**
 * The last run before each of these dates that ended in success, by the run that asks; those without one are left out.
 * What has left for the archive counts no more: its interval left with it.
 */
export async function loadPrevSuccesses(
  store: Store,
  wishes: readonly PrevSuccessWish[],
): Promise<ReadonlyMap<string, PrevSuccess>> {
  const runIds = wishes.map(({ runId }) => runId);
  const dagIds = wishes.map(({ dagId }) => dagId);
  const dates = wishes.map(({ logicalAt }) => logicalAt);
  const { rows } = await sql<Row>`
    SELECT wish.run_id AS wished_by, found.*
    FROM unnest(${runIds}::uuid[], ${dagIds}::text[], ${dates}::float8[]) AS wish (run_id, dag_id, ms)
    CROSS JOIN LATERAL (
      SELECT dag_run.logical_at, interval_start_at, interval_end_at, run_after_at, started_at
      FROM run_key JOIN dag_run ON dag_run.run_id = run_key.run_id
      WHERE run_key.dag_id = wish.dag_id AND run_key.logical_at < instant(wish.ms)
        AND dag_run.state = 'success' AND ${NOT_LEAVING}
      ORDER BY run_key.logical_at DESC LIMIT 1
    ) AS found`.execute(store.db);
  return new Map(
    rows.map((row) => [
      row.wished_by,
      {
        logicalAt: row.logical_at,
        intervalStartAt: row.interval_start_at,
        intervalEndAt: row.interval_end_at,
        runAfterAt: row.run_after_at,
        startedAt: row.started_at,
      },
    ]),
  );
}
