import type pg from "pg";
import { statementText } from "../sql-files.ts";
import { partitionedTables, patiently, type Month } from "./months.ts";

/** A run that keeps its month from leaving. */
export interface BusyRun {
  readonly dagId: string;
  readonly dagRunId: string;
  readonly why: string;
}

/** So many are named; a person needs no more. */
const MOST_NAMED = 5;

/** The first runs that keep this month from leaving; [] when none does. */
export async function busyRuns(client: pg.ClientBase, { fromId, toId }: Month): Promise<BusyRun[]> {
  return (await client.query<BusyRun>(statementText("archive_busy"), [fromId, toId, MOST_NAMED])).rows;
}

/**
 * Closes a month, so that what is exported is what leaves. Under the writer's lock: a flush either commits before, and its
 * runs are seen to be active, or comes after and meets the triggers: it gets a conflict, reloads, and finds the run archived.
 * Answers the runs that forbid it; [] when the month is closing now.
 */
export async function closeMonth(client: pg.ClientBase, month: Month): Promise<BusyRun[]> {
  const tables = await partitionedTables(client);
  return patiently(client, async () => {
    await client.query("SELECT FROM writer FOR NO KEY UPDATE");
    const busy = await busyRuns(client, month);
    if (busy.length > 0) return busy;
    const closing = `UPDATE partition_state SET state = 'closing', closing_at = clock_timestamp()
      WHERE month = $1 AND state = 'open'`;
    await client.query(closing, [month.month]);
    for (const table of tables) {
      await client.query(`CREATE TRIGGER closing BEFORE INSERT OR UPDATE OR DELETE ON "${table}_${month.month}"
        FOR EACH ROW EXECUTE FUNCTION refuse_closing()`);
    }
    return [];
  });
}

/** Writes what stays of a closing month's runs; from then on sums count that in place of the rows. */
export async function summarize(client: pg.ClientBase, { month, fromId, toId }: Month): Promise<void> {
  await patiently(client, async () => {
    // Without fresh statistics Postgres would take the many runs for few, and compare each with each.
    await client.query("SET LOCAL enable_nestloop = off");
    await client.query(statementText("archive_summarize"), [month, fromId, toId]);
  });
}

/** Opens a month again whose export could not be made: nothing of it has left. */
export async function reopenMonth(client: pg.ClientBase, { month, fromId, toId }: Month): Promise<void> {
  const tables = await partitionedTables(client);
  // The many rows first, while nobody waits.
  await patiently(client, async () => {
    await client.query("DELETE FROM run_summary WHERE run_id >= $1 AND run_id < $2", [fromId, toId]);
    await client.query("UPDATE partition_state SET summed_at = NULL, export = NULL WHERE month = $1", [month]);
  });
  await patiently(client, async () => {
    await client.query("SELECT FROM writer FOR NO KEY UPDATE");
    for (const table of tables) await client.query(`DROP TRIGGER IF EXISTS closing ON "${table}_${month}"`);
    await client.query("UPDATE partition_state SET state = 'open', closing_at = NULL WHERE month = $1", [month]);
  });
}
