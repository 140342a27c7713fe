import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { startApi, type ApiServer } from "../../engine/api/server.ts";
import { openStore, type Store } from "../../engine/store/open.ts";
import { createToken } from "../../engine/store/tokens.ts";
import { options } from "../api/service.ts";
import { OwnPostgres, type Stop } from "../setup/own-postgres.ts";
import { untilSo } from "../setup/until.ts";
import { Fleet } from "./harness.ts";
import { SmallBackfill } from "./small-backfill.ts";

// Servers start and recover meanwhile: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 240_000 });

let postgres: OwnPostgres;
let backfill: SmallBackfill;
let fleets = 0;

beforeAll(async () => void (postgres = await OwnPostgres.start()));
afterAll(() => postgres.remove());
// One database for all: in the fleet of the test before, every night is done.
beforeEach(async () => {
  backfill = new SmallBackfill(await Fleet.create(postgres.url, { fleet: `fleet_${++fleets}` }), 4);
});
afterEach(() => backfill.close());

describe("rule 5: the database restarts in the middle of a backfill", () => {
  for (const [how, told] of [
    ["fast", "in order"],
    ["immediate", "by a crash that it recovers from"],
  ] as [Stop, string][]) {
    it(`${told}: both engines go on by themselves, and nothing is lost or doubled`, async () => {
      const { service } = backfill.fleet;
      const engines = [await backfill.engine(), await backfill.engine()];
      await backfill.ask();
      for (const jobs of [1, 5]) {
        await untilSo(async () => service.jobs.length >= jobs);
        await postgres.stop(how);
        await postgres.start();
      }
      await Promise.race(engines.map((engine) => engine.settled()));
      await backfill.expectUnharmed();
    });
  }
});

describe("rule 30: while the database is away", () => {
  let store: Store;
  let server: ApiServer;
  afterEach(async () => {
    await server.close();
    await store.close();
  });

  it("a wish is answered 503 UNAVAILABLE, and once it is back the same wish is carried out", async () => {
    const { fleet } = backfill.fleet.store;
    store = await openStore({ databaseUrl: postgres.url, fleet, applicationName: "test" });
    const { token } = await createToken(store, { role: "admin" });
    server = await startApi(options(store, { answerTimeoutMs: 5_000 }));
    const engine = await backfill.engine();
    await engine.ready;
    const pause = async (): Promise<{ status: number; body: unknown }> => {
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
      const body = JSON.stringify({ is_paused: true });
      const answer = await fetch(`${server.url}/api/v2/dags/nightly`, { method: "PATCH", headers, body });
      return { status: answer.status, body: await answer.json() };
    };
    await postgres.stop("immediate");
    expect(await pause()).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
    await postgres.start();
    await untilSo(async () => (await pause()).status === 200);
  });
});
