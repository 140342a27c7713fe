import { Migrator, sql } from "kysely";
import { afterEach, beforeEach, expect, it } from "vitest";
import { archiveRuns } from "../../engine/store/archive/archive.ts";
import { makeMonthsAhead, makeMonthsOfRest } from "../../engine/store/archive/months.ts";
import { openClient } from "../../engine/store/connect.ts";
import { migrate } from "../../engine/store/migrate.ts";
import { openStore, type Store } from "../../engine/store/open.ts";
import { monthsOfRuns } from "../../engine/store/read-models/partitions.ts";
import { migrationTexts } from "../../engine/store/sql-files.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testDatabase, type TestDatabase } from "../setup/postgres.ts";
import { run, version } from "./batches.ts";
import { Writer } from "./fleet.ts";
import { runIdOf, writeHistory } from "./history.ts";

let database: TestDatabase;
let store: Store;
const open = async (kind: "migrated" | "empty"): Promise<void> => {
  database = await testDatabase(kind);
  store = await openStore({ databaseUrl: database.url, fleet: "nocturne", applicationName: "tests" });
};
beforeEach(() => open("migrated"));
afterEach(async () => {
  await store.close();
  await database.drop();
});

const count = async (table: string): Promise<number> =>
  (await store.pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`)).rows[0]?.n ?? -1;

/** As before housekeeping has made the last of the months ahead. Answers which one it is. */
async function withoutLastMonth(): Promise<string> {
  const remove =
    "DELETE FROM partition_state WHERE until_at = (SELECT max(until_at) FROM partition_state) RETURNING month";
  const month = (await store.pool.query<{ month: string }>(remove)).rows[0]?.month ?? "";
  const tables = await store.pool.query<{ name: string }>("SELECT name FROM partitioned_tables() AS name");
  for (const { name } of tables.rows) await store.pool.query(`DROP TABLE ${name}_${month}`);
  return month;
}

it("the next months are made ahead, once, by however many processes keep house", async () => {
  const month = await withoutLastMonth();
  expect(await Promise.all(Array.from({ length: 6 }, () => makeMonthsAhead(store)))).toEqual(Array(6).fill(true));
  expect((await monthsOfRuns(store)).map((each) => each.month)).toContain(month);
  expect(await count(`attempt_${month}`)).toBe(0);
});

it("a table that is in use for long holds housekeeping up for two seconds, and is left for the next time", async () => {
  const month = await withoutLastMonth();
  const reader = await openClient(store.settings);
  await reader.query("BEGIN; LOCK TABLE dag_run_rest IN ACCESS SHARE MODE");
  expect(await makeMonthsAhead(store)).toBe(false);
  await reader.end();
  expect(await makeMonthsAhead(store)).toBe(true);
  expect(await count(`dag_run_${month}`)).toBe(0);
});

it("a flush never fails for want of a month: its rows wait in the rest, and move when their month is made", async () => {
  const writer = await Writer.take(store);
  const publication = version("nightly", 1, { load: 1 });
  const old = run(publication, { runId: runIdOf(Date.UTC(2025, 4, 5), 1) });
  await writer.write({ versions: [publication], runsCreated: [old] });
  expect(await count("dag_run_rest")).toBe(1);
  await makeMonthsOfRest(store);
  expect([await count("dag_run_rest"), await count("dag_run_2025_05"), await count("dag_run")]).toEqual([0, 1, 1]);
  const began = { ...old, state: "running" as const, startedAt: old.queuedAt };
  expect(await writer.flush({ runsChanged: [{ from: old, to: began }] })).toMatchObject({ kind: "committed" });
  await writer.close();
});

it("rows from before there were months keep their place, and leave like a month when it is over", async () => {
  await store.close();
  await database.drop();
  await open("empty");
  await store.pool.query("CREATE SCHEMA nocturne");
  const earlier = [...migrationTexts()].filter(([name]) => name < "0009");
  const getMigrations = async () =>
    Object.fromEntries(
      earlier.map(([name, text]) => [
        name,
        { up: async (db: typeof store.db) => void (await sql.raw(text).execute(db)) },
      ]),
    );
  const provider = { getMigrations };
  const { error } = await new Migrator({ db: store.db, provider, migrationTableSchema: "nocturne" }).migrateToLatest();
  expect(error).toBeUndefined();
  const { runId } = await writeHistory(store, { at: Date.UTC(2026, 0, 15), runs: 3 });
  await migrate(store);
  expect([await count("dag_run_first"), await count("dag_run"), await count("booked")]).toEqual([3, 3, 3]);
  const next = `INSERT INTO state_history (run_id, task_no, map_index, from_state, to_state, why, by, at)
    VALUES ('${runId(0)}', 1, -1, 'success', 'none', '', '', now()) RETURNING entry_no::int AS n`;
  expect((await store.pool.query<{ n: number }>(next)).rows[0]?.n).toBeGreaterThan(6);
  const folder = await mkdtemp(join(tmpdir(), "nocturne-archive-"));
  const [first] = await monthsOfRuns(store);
  expect(first).toMatchObject({ month: "first", state: "open" });
  const wish = { folder, isDryRun: false, onProgress: () => undefined, interrupted: new AbortController().signal };
  const outcomes = await archiveRuns(store, { ...wish, cutoff: first?.untilAt ?? 0 });
  expect(outcomes).toMatchObject([{ month: "first", kind: "gone", export: { runs: 3 } }]);
  await rm(folder, { recursive: true });
});
