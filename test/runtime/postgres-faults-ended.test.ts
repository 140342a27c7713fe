import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CuttingProxy, type Request, type Verdict } from "../setup/cutting-proxy.ts";
import { testDatabase, type TestDatabase } from "../setup/postgres.ts";
import { untilSo } from "../setup/until.ts";
import { Fleet } from "./harness.ts";
import { SmallBackfill } from "./small-backfill.ts";

// Servers start and recover meanwhile: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 240_000 });

let database: TestDatabase;
let proxy: CuttingProxy;
let backfill: SmallBackfill;

beforeEach(async () => {
  database = await testDatabase();
  proxy = await CuttingProxy.to(database.url);
  backfill = new SmallBackfill(await Fleet.create(database.url, { engineUrl: proxy.url, fleet: "nocturne" }), 4);
});
afterEach(async () => {
  await backfill.close();
  await proxy.close();
  await database.drop();
});

/** A walk that is the same for the same seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** What a server, an operator or a limit does to the statements and connections of the engines. */
const HARMS = {
  "cancels the statement": "SELECT pg_cancel_backend($1)",
  "ends the backend": "SELECT pg_terminate_backend($1)",
} as const;

/** Of the engines, by the ports of the proxy. */
const BUSY = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND client_port = ANY ($1)
  AND (state <> 'idle' OR random() < 0.3) ORDER BY pid`;

const SEEDS = process.env["NOCTURNE_LONG"] === undefined ? 3 : 100;
const MOST_HARMS = 25;
const MOST_STRIKES = 6;

describe("rule 5: whatever ends a statement or a connection", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    it(`statements cancelled and backends ended at random leave nothing lost or doubled (seed ${seed})`, async () => {
      const draw = random(seed);
      const { pool } = backfill.fleet.store;
      const engine = await backfill.engine();
      await backfill.ask();
      // A wish whose own statement is cancelled is answered so, and not tried for ever (rule 30).
      await untilSo(async () => (await pool.query("SELECT FROM command WHERE state = 'applied'")).rowCount === 1);
      let isOver = false;
      const settled = engine.settled().finally(() => (isOver = true));
      for (let harm = 0; harm < MOST_HARMS && !isOver; harm++) {
        const how = draw() < 0.5 ? HARMS["cancels the statement"] : HARMS["ends the backend"];
        const { rows } = await pool.query<{ pid: number }>(BUSY, [proxy.ports]);
        const chosen = rows[Math.floor(draw() * rows.length)];
        if (chosen) await pool.query(how, [chosen.pid]);
        await delay(draw() * 60);
      }
      await settled;
      await backfill.expectUnharmed();
    });
  }

  for (const setting of ["statement_timeout", "idle_in_transaction_session_timeout"]) {
    it(`${setting} strikes a few flushes and takes at random, and leaves nothing lost or doubled`, async () => {
      const draw = random(7);
      let struck = 0;
      proxy.rewrite = (text) => {
        if (text !== "BEGIN ISOLATION LEVEL READ COMMITTED" || struck === MOST_STRIKES || draw() < 0.5) return text;
        struck++;
        return `${text}; SET LOCAL ${setting} TO '1ms'`;
      };
      const engine = await backfill.engine();
      await backfill.ask();
      await engine.settled();
      expect(struck).toBeGreaterThan(0);
      await backfill.expectUnharmed();
    });
  }
});

/** What an engine asks beside its flushes. */
const ASKED: readonly (readonly [string, (request: Request) => boolean])[] = [
  ["the look at the writer's row", ({ text }) => text.startsWith("SELECT epoch, owner")],
  ["the take", ({ text, before }) => text === "COMMIT" && before.startsWith("-- writer_take")],
  ["the renewal", ({ text }) => text.startsWith("-- writer_renew")],
  ["the load", ({ text }) => text.startsWith('select * from "deadline"')],
  ["the inbox", ({ text }) => text.startsWith('select "id", "body" from "command"')],
];

describe("rule 2: taking and keeping the writer's row", () => {
  it(`outlives a lost request and a lost reply of ${ASKED.map(([name]) => name).join(", ")}`, async () => {
    const losses = new Map(ASKED.map(([name]) => [name, ["lose_reply", "lose_request"] as Verdict[]]));
    proxy.judge = (request) => {
      const [name] = ASKED.find(([, isIt]) => isIt(request)) ?? [];
      return losses.get(name ?? "")?.shift() ?? "pass";
    };
    const engine = await backfill.engine();
    backfill.fleet.service.held.add("publish");
    await backfill.ask();
    // Held until each has been lost in both ways: renewals come only now and then.
    await untilSo(async () => [...losses.values()].every((left) => left.length === 0));
    backfill.fleet.service.held.clear();
    await engine.settled();
    await backfill.expectUnharmed();
  });
});

describe("rule 30: a wish", () => {
  it("whose reading of the database breaks off is carried out all the same, and not answered with an error", async () => {
    const losses: Verdict[] = ["lose_reply", "lose_request"];
    // Whether a backfill of this id was made before.
    proxy.judge = ({ text }) => (text.startsWith('select "backfill_no"') ? (losses.shift() ?? "pass") : "pass");
    const engine = await backfill.engine();
    await backfill.ask();
    await engine.settled();
    expect(losses).toEqual([]);
    await backfill.expectUnharmed();
  });
});
