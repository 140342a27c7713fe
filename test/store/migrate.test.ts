import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NocturneError } from "../../engine/core/errors.ts";
import { loadWorld } from "../../engine/store/load.ts";
import { assertMigrated, dropFleet, migrate } from "../../engine/store/migrate.ts";
import { openStore, type Store } from "../../engine/store/open.ts";
import { migrationTexts } from "../../engine/store/sql-files.ts";
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
