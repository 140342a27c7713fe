import type pg from "pg";
import type { Instant } from "../../core/json.ts";
import type { Store } from "../open.ts";

/** A month of runs as the register has it. */
export interface Month {
  /** 2026_01, the end of its tables' names. */
  readonly month: string;
  readonly fromId: string;
  readonly toId: string;
  readonly untilAt: Instant;
  readonly state: "open" | "closing" | "gone";
  /** null: no export of it has been read back yet. */
  readonly export: MonthExport | null;
}

/** Where a month's export stands. */
export interface MonthExport {
  readonly folder: string;
  readonly runs: number;
  readonly rows: number;
  readonly bytes: number;
}

const MONTH = `SELECT month, from_id AS "fromId", to_id AS "toId", until_at AS "untilAt", state, export
  FROM partition_state`;

/** Months that are not gone and whose runs were all made before `cutoff`, the oldest first. */
export async function monthsBefore(client: pg.ClientBase, cutoff: Instant): Promise<Month[]> {
  const text = `${MONTH} WHERE until_at <= instant($1::float8) AND state <> 'gone' ORDER BY from_id`;
  return (await client.query<Month>(text, [cutoff])).rows;
}

/** So many months are there before their first run. */
const AHEAD = 3;
/** Nobody waits longer for a lock than this, and nobody waits longer behind us. */
const LOCK_TIMEOUT = "2s";
/** The writer waits while a month is made: far less than its row's life. */
const MOVE_TIMEOUT = "3s";
/** lock_not_available, deadlock_detected, query_canceled. */
const BUSY = /^(55P03|40P01|57014)$/;

export const isLockBusy = (error: unknown): boolean => BUSY.test((error as pg.DatabaseError).code ?? "");

/**
 * Makes the partitions of this month and the next ones where they are missing; asked often, by any number of processes. A
 * table that is in use for long is left for the next time: until then its rows go to the default partition.
 * Answers whether all are there.
 */
export async function makeMonthsAhead(store: Store): Promise<boolean> {
  const wanted = `SELECT n FROM generate_series(0, ${AHEAD}) AS n WHERE NOT EXISTS (
      SELECT FROM partition_state WHERE from_id <= run_id_from(date_trunc('month', clock_timestamp(), 'UTC') + n * interval '1 month')
        AND to_id > run_id_from(date_trunc('month', clock_timestamp(), 'UTC') + n * interval '1 month'))`;
  const { rows } = await store.pool.query<{ n: number }>(wanted);
  if (rows.length === 0) return true;
  return makeMonths(
    store,
    `SELECT date_trunc('month', clock_timestamp(), 'UTC') + n * interval '1 month' AS at
    FROM generate_series(0, ${AHEAD}) AS n`,
  );
}

/**
 * Makes the months of runs that came before their partition, and moves their rows there: from then on they can leave. So many
 * that this would hold the writer up stay in the rest; false then.
 */
export async function makeMonthsOfRest(store: Store): Promise<boolean> {
  return makeMonths(
    store,
    `SELECT DISTINCT date_trunc('month', run_id_at(run_id), 'UTC') AS at FROM dag_run_rest WHERE run_id_at(run_id) IS NOT NULL`,
  );
}

async function makeMonths(store: Store, instants: string): Promise<boolean> {
  const client = await store.pool.connect();
  let failure: Error | undefined;
  try {
    await client.query(
      `BEGIN; SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'; SET LOCAL statement_timeout = '${MOVE_TIMEOUT}'`,
    );
    // As a flush, so that neither waits for the other while it holds what that one wants.
    await client.query("SELECT FROM writer FOR NO KEY UPDATE");
    await client.query("SELECT pg_advisory_xact_lock(hashtextextended('nocturne.months.' || current_schema(), 0))");
    await client.query(`SELECT make_month(at) FROM (${instants}) AS month ORDER BY at`);
    await client.query("COMMIT");
    return true;
  } catch (error) {
    if (isLockBusy(error)) {
      await client.query("ROLLBACK");
      return false;
    }
    failure = error as Error;
    throw error;
  } finally {
    client.release(failure);
  }
}

/** The tables that leave with their run. */
export async function partitionedTables(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>("SELECT name FROM partitioned_tables() AS name");
  return rows.map(({ name }) => name);
}

/** How often a lock is asked for before the one who holds it is named to the person. */
const TRIES = 20;
const PAUSE_MS = 250;

/**
 * Runs `action` in a transaction that waits for each lock at most two seconds, again and again: whoever queues behind a
 * waiting exclusive lock is never held up for longer. Throws the last error when a table stays in use.
 */
export async function patiently<T>(client: pg.ClientBase, action: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    await client.query(`BEGIN; SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
    try {
      const result = await action();
      await client.query("COMMIT");
      return result;
    } catch (error) {
      await client.query("ROLLBACK");
      if (!isLockBusy(error) || tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
