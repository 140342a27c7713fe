import { afterEach, describe, expect, it, vi } from "vitest";
import { OwnPostgres } from "../setup/own-postgres.ts";
import { testDatabase } from "../setup/postgres.ts";
import { SmallDisk } from "../setup/small-disk.ts";
import { untilSo } from "../setup/until.ts";
import { Fleet } from "./harness.ts";
import { SmallBackfill } from "./small-backfill.ts";

// Servers start and recover meanwhile: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 240_000 });

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function backfillIn(url: string): Promise<SmallBackfill> {
  const backfill = new SmallBackfill(await Fleet.create(url));
  cleanups.push(() => backfill.close());
  return backfill;
}

/** Whoever writes attempts is answered with this SQLSTATE until `mend`; other statements go well. */
async function refuseAttempts({ fleet: { store } }: SmallBackfill) {
  await store.pool.query(`CREATE TABLE fault (sqlstate text);
    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE code text := (SELECT sqlstate FROM fault);
    BEGIN
      IF code IS NOT NULL THEN RAISE EXCEPTION 'fault %', code USING ERRCODE = code; END IF;
      RETURN NULL;
    END $$;
    CREATE TRIGGER fail AFTER INSERT OR UPDATE ON attempt FOR EACH STATEMENT EXECUTE FUNCTION fail()`);
  return {
    withState: (sqlstate: string) =>
      store.pool.query("WITH gone AS (DELETE FROM fault) INSERT INTO fault VALUES ($1)", [sqlstate]),
    mend: () => store.pool.query("DELETE FROM fault"),
  };
}

/** Answers of a server that has no room, no memory, no connections, is starting up, or prefers somebody else's transaction. */
const REFUSALS = ["53100", "53200", "53300", "57P03", "40001", "40P01"];

describe("rule 11: what is owed waits until it is durable", () => {
  it(`a flush that is answered ${REFUSALS.join(", ")} launches nothing; the engine goes on by itself when that has passed`, async () => {
    const database = await testDatabase();
    cleanups.push(() => database.drop());
    const backfill = await backfillIn(database.url);
    const refuse = await refuseAttempts(backfill);
    const { errors, service, store } = backfill.fleet;
    await refuse.withState(REFUSALS[0] ?? "");
    const engine = await backfill.engine();
    await backfill.ask();
    for (const sqlstate of REFUSALS) {
      await refuse.withState(sqlstate);
      await untilSo(async () => errors.some((line) => line.includes(`fault ${sqlstate}`)));
    }
    expect(service.submits).toBe(0);
    expect((await store.pool.query("SELECT FROM attempt")).rowCount).toBe(0);
    await refuse.mend();
    await engine.settled();
    await backfill.expectUnharmed();
  });
});

describe("rule 5: the disk of the database is full", () => {
  it("nothing is acknowledged that is not stored, the log says so, and the engine goes on when there is room again", async ({
    skip,
  }) => {
    const disk = SmallDisk.mount(200);
    if (!disk) skip("only root can mount a small disk");
    else {
      cleanups.push(() => disk.unmount());
      const postgres = await OwnPostgres.start({ home: disk.folder });
      cleanups.push(() => postgres.remove());
      const backfill = await backfillIn(postgres.url);
      const { errors, service, store } = backfill.fleet;
      await backfill.ask();
      disk.fill();
      const engine = await backfill.engine();
      const full = /no disk space, memory or connections.*No space left on device/;
      await untilSo(async () => errors.filter((line) => full.test(line)).length >= 2);
      expect(service.submits).toBe(0);
      expect((await store.pool.query("SELECT FROM command WHERE state = 'pending'")).rowCount).toBe(1);
      disk.makeRoom();
      await engine.settled();
      await backfill.expectUnharmed();
    }
  });
});
