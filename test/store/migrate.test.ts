import { randomUUID } from "node:crypto";
import { Migrator, sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NocturneError } from "../../engine/core/errors.ts";
import { loadWorld } from "../../engine/store/load.ts";
import { assertMigrated, dropFleet, migrate } from "../../engine/store/migrate.ts";
import { openStore, type Store } from "../../engine/store/open.ts";
import { migrationTexts } from "../../engine/store/sql-files.ts";
import { spec } from "./batches.ts";
import { untilSo } from "../setup/until.ts";
import { testDatabase, type TestDatabase } from "../setup/postgres.ts";

let database: TestDatabase;
const stores: Store[] = [];
const open = async (fleet: string): Promise<Store> => {
  const store = await openStore({ databaseUrl: database.url, fleet, applicationName: "tests", poolSize: 1 });
  stores.push(store);
  return store;
};
const codeOf = async (failing: Promise<unknown>): Promise<string | undefined> =>
  failing.then(
    () => undefined,
    (error: unknown) => (error instanceof NocturneError ? error.problems[0]?.code : String(error)),
  );

beforeAll(async () => {
  database = await testDatabase("empty");
});
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  await database.drop();
});

describe("rule 3: migrations", () => {
  it("twenty at once bring an empty database up to date exactly once", async () => {
    const many = await Promise.all(Array.from({ length: 20 }, () => open("crowd")));
    const applied = (await Promise.all(many.map((store) => migrate(store)))).flat();
    expect(applied).toEqual([...migrationTexts().keys()]);
    await expect(Promise.all(many.map((store) => assertMigrated(store)))).resolves.toHaveLength(20);
    await Promise.all(many.map((store) => store.close()));
    stores.splice(0);
  });

  it("a connection that the server ends while it waits for its turn fails that migration alone, and the next one goes on", async () => {
    const store = await open("unlucky");
    const other = await (await open("other")).pool.connect();
    await other.query("SELECT pg_advisory_lock(hashtextextended('nocturne.migrate.unlucky', 0))");
    const migrated = migrate(store);
    const failed = expect(migrated).rejects.toThrow(/terminat/);
    const waiting = "FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()";
    await untilSo(async () => (await other.query(`SELECT pg_terminate_backend(pid) ${waiting}`)).rowCount === 1);
    await failed;
    await other.query("SELECT pg_advisory_unlock_all()");
    other.release();
    expect(await migrate(store)).toEqual([...migrationTexts().keys()]);
  });

  it("rule 1: makes a fleet while others come and go beside it", async () => {
    const guests = await Promise.all(["guest_a", "guest_b"].map(open));
    const comeAndGo = async (guest: Store): Promise<void> => {
      for (let round = 0; round < 3; round++) {
        await migrate(guest);
        await dropFleet(guest);
      }
    };
    const made: unknown[] = [];
    const coming = Promise.all(guests.map(comeAndGo));
    for (let round = 0; round < 3; round++) made.push((await migrate(await open(`steady_${round}`))).length);
    await coming;
    expect(made).toEqual(made.map(() => migrationTexts().size));
  });

  it("gives each fleet a schema and an installation id of its own", async () => {
    const [east, west] = [await open("east"), await open("west")];
    await migrate(east);
    await migrate(west);
    const ids = [(await loadWorld(east)).installationId, (await loadWorld(west)).installationId];
    expect(new Set(ids).size).toBe(2);
    await dropFleet(east);
    expect(await codeOf(assertMigrated(east))).toBe("DATABASE_NOT_MIGRATED");
    await assertMigrated(west);
  });

  it("keep what an earlier version wrote: its runs have told nothing of a budget, its DAGs have none", async () => {
    const store = await open("earlier");
    const [first, ...later] = [...migrationTexts()];
    await store.pool.query("CREATE SCHEMA earlier");
    const getMigrations = async () => ({
      [first?.[0] ?? ""]: { up: async (db: typeof store.db) => void (await sql.raw(first?.[1] ?? "").execute(db)) },
    });
    await new Migrator({
      db: store.db,
      provider: { getMigrations },
      migrationTableSchema: "earlier",
    }).migrateToLatest();
    const [versionId, runId] = [randomUUID(), randomUUID()];
    const { budget, notify, ...known } = spec("nightly", []);
    await store.pool.query(
      "INSERT INTO dag (dag_id, file, is_paused, scheduled_until) VALUES ('nightly', 'f', true, '2026-01-02 05:00+00')",
    );
    await store.pool.query("INSERT INTO dag_version VALUES ($1, 'nightly', 1, 'h', $2, '')", [
      versionId,
      JSON.stringify(known),
    ]);
    await store.pool.query(
      `INSERT INTO dag_run (run_id, dag_id, dag_run_id, run_type, run_after_at, version_id, conf, state, queued_at, triggered_by)
       VALUES ($1, 'nightly', 'manual__1', 'manual', now(), $2, '{}', 'queued', now(), 'ann')`,
      [runId, versionId],
    );
    expect(await migrate(store)).toEqual(later.map(([name]) => name));
    const world = await loadWorld(store);
    expect(world.runs).toMatchObject([{ runId, budgetLevel: "ok" }]);
    expect(world.versions[0]?.spec).toEqual({ ...known, budget, notify });
    const scheduledUntil = Date.UTC(2026, 0, 2, 5);
    expect(world.dags).toEqual([
      { dagId: "nightly", isPaused: true, isStale: false, scheduledUntil, nextDueAt: null, failedRuns: 0 },
    ]);
  });

  it("a database without tables is told from one of a newer version", async () => {
    const store = await open("later");
    expect(await codeOf(assertMigrated(store))).toBe("DATABASE_NOT_MIGRATED");
    await migrate(store);
    expect(await migrate(store)).toEqual([]);
    await store.pool.query("INSERT INTO kysely_migration VALUES ('9999_from_the_future', '2030-01-01')");
    expect(await codeOf(assertMigrated(store))).toBe("DATABASE_NEWER");
    expect(await codeOf(migrate(store))).toBe("DATABASE_NEWER");
  });
});
