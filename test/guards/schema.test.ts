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
