import type pg from "pg";
import { partitionedTables, patiently, type Month, type MonthExport } from "./months.ts";

/** Writes down that a month's export was read back: only then may its tables go. */
export async function recordExport(client: pg.ClientBase, { month }: Month, made: MonthExport): Promise<void> {
  await client.query("UPDATE partition_state SET export = $2 WHERE month = $1 AND state = 'closing'", [
    month,
    JSON.stringify(made),
  ]);
}

/** The tables of a month that are still there, attached or not. */
export async function tablesLeft(client: pg.ClientBase, { month }: Month) {
  const { rows } = await client.query<{ parent: string; isAttached: boolean }>(
    `SELECT parent, EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass(format('%I', parent || '_' || $1::text)))
       AS "isAttached"
     FROM partitioned_tables() AS parent WHERE to_regclass(format('%I', parent || '_' || $1::text)) IS NOT NULL`,
    [month],
  );
  return rows;
}

/**
 * Takes a month's tables away, one at a time. Each step is repeated safely: whoever comes after a kill goes on with what is
 * left. Not CONCURRENTLY, which Postgres refuses beside a default partition: the lock is held for the moment of the detach.
 */
export async function leave(client: pg.ClientBase, month: Month): Promise<void> {
  // What only these attempts name may be forgotten after them.
  const [names] = (await tablesLeft(client, month)).filter(({ parent }) => parent === "attempt");
  if (names) {
    const orphans = `INSERT INTO orphan_params SELECT DISTINCT params_hash FROM "attempt_${month.month}" ON CONFLICT DO NOTHING`;
    await client.query(orphans);
  }
  for (const { parent, isAttached } of await tablesLeft(client, month)) {
    if (!isAttached) continue;
    await patiently(client, () => client.query(`ALTER TABLE "${parent}" DETACH PARTITION "${parent}_${month.month}"`));
  }
  for (const { parent } of await tablesLeft(client, month)) {
    await patiently(client, () => client.query(`DROP TABLE "${parent}_${month.month}"`));
  }
  await client.query("UPDATE partition_state SET state = 'gone', gone_at = clock_timestamp() WHERE month = $1", [
    month.month,
  ]);
}

/** So many at once, while the writer waits. */
const BATCH = 1_000;

/**
 * Forgets parameters that no attempt names any more. From the moment a hash stands in orphan_params, a flush that names it
 * takes it out; flushes from before that moment have committed when the writer's lock is ours, so the search finds theirs.
 */
export async function forgetOrphanParams(client: pg.ClientBase): Promise<number> {
  if ((await client.query("SELECT FROM orphan_params LIMIT 1")).rowCount === 0) return 0;
  await patiently(client, () => client.query("SELECT FROM writer FOR NO KEY UPDATE"));
  await client.query("DELETE FROM orphan_params WHERE hash IN (SELECT params_hash FROM attempt)");
  for (let forgotten = 0; ;) {
    const deleted = await patiently(client, async () => {
      await client.query("SELECT FROM writer FOR NO KEY UPDATE");
      const orphans = `DELETE FROM orphan_params WHERE hash IN (SELECT hash FROM orphan_params LIMIT ${BATCH}) RETURNING hash`;
      const { rows } = await client.query<{ hash: string }>(orphans);
      await client.query("DELETE FROM frozen_params WHERE hash = ANY ($1)", [rows.map(({ hash }) => hash)]);
      return rows.length;
    });
    forgotten += deleted;
    if (deleted < BATCH) return forgotten;
  }
}

/** Whether any table of a month has been taken away already. */
export async function hasBegunToLeave(client: pg.ClientBase, month: Month): Promise<boolean> {
  const all = await partitionedTables(client);
  return (await tablesLeft(client, month)).length < all.length;
}
