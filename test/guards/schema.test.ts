import { expect, it } from "vitest";
import { schemaDump } from "../setup/schema-dump.ts";
import { storeOfThisFile } from "../store/fleet.ts";

const here = storeOfThisFile();

it("sql/schema.sql is what the migrations make (vitest -u writes it)", async () => {
  await expect(await schemaDump(here.store.pool)).toMatchFileSnapshot("../../sql/schema.sql");
});

it("no index names a column of task_instance that changes, so that updates stay HOT", async () => {
  const { rows } = await here.store.pool.query<{ column: string }>(
    `SELECT DISTINCT attname AS column FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
     WHERE indrelid = 'task_instance'::regclass`,
  );
  expect(rows.map((row) => row.column).sort()).toEqual(["map_index", "run_id", "task_no"]);
  const partial = "SELECT FROM pg_index WHERE indrelid = 'task_instance'::regclass AND indpred IS NOT NULL";
  expect((await here.store.pool.query(partial)).rowCount).toBe(0);
});

it("nothing references task_instance", async () => {
  const { rowCount } = await here.store.pool.query(
    "SELECT FROM pg_constraint WHERE contype = 'f' AND confrelid = 'task_instance'::regclass",
  );
  expect(rowCount).toBe(0);
});

/** What has run_id at the head of its key and stays when the run leaves. */
const STAYS = ["run_key", "run_summary"];

it("rule 29: every table with run_id at the head of its key leaves with its run, by partition", async () => {
  const { rows } = await here.store.pool.query<{ table: string; kind: string }>(
    `SELECT relname AS table, relkind AS kind FROM pg_class
     JOIN pg_index ON indrelid = pg_class.oid AND indisprimary
     JOIN pg_attribute ON attrelid = pg_class.oid AND attnum = indkey[0]
     WHERE relnamespace = current_schema()::regnamespace AND NOT relispartition AND attname = 'run_id'`,
  );
  const whole = rows.filter(({ kind }) => kind !== "p").map(({ table }) => table);
  // A migration that adds one calls partition_by_run for it; what is to stay is named above.
  expect(whole.sort()).toEqual(STAYS);
  expect(rows.length).toBeGreaterThan(STAYS.length + 5);
});

it("nothing references a table whose rows leave with their run", async () => {
  const { rows } = await here.store.pool.query(
    "SELECT conname FROM pg_constraint JOIN pg_class AS c ON c.oid = confrelid WHERE contype = 'f' AND relkind = 'p'",
  );
  expect(rows).toEqual([]);
});

it("every partition has the storage settings of its table", async () => {
  const { rows } = await here.store.pool.query<{ parent: string; settings: string[] | null; count: number }>(
    `SELECT parent.relname AS parent, array_agg(DISTINCT array_to_string(part.reloptions, ', ')) AS settings,
            count(*)::int AS count
     FROM pg_inherits JOIN pg_class AS part ON part.oid = inhrelid JOIN pg_class AS parent ON parent.oid = inhparent
     WHERE parent.relkind = 'p' AND parent.relname IN ('task_instance', 'attempt') GROUP BY parent.relname ORDER BY parent.relname`,
  );
  const settings = (fillfactor: number): string[] => [`autovacuum_vacuum_cost_delay=0, fillfactor=${fillfactor}`];
  expect(rows.every(({ count }) => count >= 5)).toBe(true);
  expect(rows.map((row) => row.settings)).toEqual([settings(50), settings(45)]);
});
