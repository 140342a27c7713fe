import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { JsonObject } from "../../engine/core/json.ts";
import { letGo } from "../../operators/in-process/works.ts";
import { sqlPostgres } from "../../operators/sql-postgres/operator.ts";
import { testDatabase, type TestDatabase } from "../setup/postgres.ts";
import { until } from "../setup/until.ts";
import { begin, ended, run, submit } from "./working.ts";

let database: TestDatabase;
let own: pg.Client;
beforeAll(async () => {
  database = await testDatabase("empty");
  own = new pg.Client({ connectionString: database.url });
  await own.connect();
});
afterAll(async () => {
  await own.end();
  await database.drop();
});
beforeEach(() => own.query("DROP TABLE IF EXISTS nights; CREATE TABLE nights (day date PRIMARY KEY, stores int)"));
afterEach(() => letGo());

const at = (postgres: JsonObject) => ({
  connectionSettings: (name: string): JsonObject | null => (name === "shop" ? { postgres } : null),
});
const there = () => ({ host: at({ url: database.url }) });
const sql = (params: object, options: Parameters<typeof run>[2] = {}) =>
  run(sqlPostgres, { connection: "shop", ...params }, { ...there(), ...options });
const nights = async (): Promise<unknown[]> =>
  (await own.query<{ day: string; stores: number }>("SELECT day::text, stores FROM nights")).rows;
const sessions = async (launchKey: string): Promise<number> => {
  const { rows } = await own.query("SELECT 1 FROM pg_stat_activity WHERE application_name = $1", [
    `nocturne ${launchKey}`,
  ]);
  return rows.length;
};

describe("sql.postgres", () => {
  it("runs all statements as one transaction and leaves the last one's rows behind", async () => {
    const statements = [
      "INSERT INTO nights VALUES ('2026-01-01', 3); INSERT INTO nights VALUES ('2026-01-02', 4)",
      "SELECT day, stores, stores::bigint AS big, 1.50::numeric AS money, true AS yes, '{\"a\": [1]}'::jsonb AS doc, NULL AS nothing, timestamptz '2026-01-01 12:00+02' AS at FROM nights ORDER BY day LIMIT 1",
    ];
    expect(await sql({ statements })).toEqual({
      kind: "succeeded",
      output: {
        rows: [
          {
            day: "2026-01-01",
            stores: 3,
            big: "3",
            money: "1.50",
            yes: true,
            doc: { a: [1] },
            nothing: null,
            at: "2026-01-01 10:00:00+00",
          },
        ],
        row_count: 1,
      },
    });
    expect(await nights()).toHaveLength(2);
  });

  it("takes values for one statement, from the text or from a file of the DAG", async () => {
    const insert = "INSERT INTO nights VALUES ($1, $2)";
    expect(await sql({ statements: insert, parameters: ["2026-01-01", 3] })).toMatchObject({
      output: { row_count: 1 },
    });
    const files = { "sql/load.sql": insert };
    expect(await sql({ file: "sql/load.sql", parameters: ["2026-01-02", null] }, { files })).toMatchObject({
      output: { rows: [], row_count: 1 },
    });
    expect(await nights()).toEqual([
      { day: "2026-01-01", stores: 3 },
      { day: "2026-01-02", stores: null },
    ]);
  });

  it("undoes everything when a statement fails, and says which mistake is where", async () => {
    const statements = ["INSERT INTO nights VALUES ('2026-01-01', 3)", "SELECT 1,\n  no_such_column FROM nights"];
    expect(await sql({ statements })).toMatchObject({
      kind: "failed",
      failure: {
        class: "permanent",
        code: "SQL_FAILED",
        message: '42703: column "no_such_column" does not exist (line 2, column 3)',
      },
    });
    expect(await nights()).toEqual([]);
  });

  it("refuses a statement that ends the transaction it is in", async () => {
    expect(await sql({ statements: "SELECT 1; COMMIT" })).toMatchObject({
      failure: { class: "permanent", message: "COMMIT: the task is one transaction of its own" },
    });
  });

  it("gives up a result that no output holds, whatever it would fill, and undoes the rest", async () => {
    const statements = ["INSERT INTO nights VALUES ('2026-01-01', 3)", "SELECT generate_series(1, 100000000) AS n"];
    expect(await sql({ statements })).toMatchObject({ failure: { class: "permanent", code: "OUTPUT_TOO_LARGE" } });
    expect(await nights()).toEqual([]);
  });

  it("tries again what another try may find otherwise", async () => {
    await own.query("BEGIN; LOCK TABLE nights");
    const locked = await sql({ statements: "LOCK TABLE nights NOWAIT" });
    await own.query("ROLLBACK");
    expect(locked).toMatchObject({ failure: { class: "retryable", code: "SQL_FAILED" } });
    const away = at({ url: "postgres://nobody@127.0.0.1:1/none" });
    expect(await sql({ statements: "SELECT 1" }, { host: away })).toMatchObject({
      failure: { class: "retryable", code: "SQL_UNREACHABLE" },
    });
  });

  it("says what the connection lacks, and shows no password", async () => {
    for (const [settings, message] of [
      [{}, "the connection shop of nocturne.yaml has no postgres.url, which this task needs"],
      [{ url_env: "SHOP_DB" }, "the environment has no SHOP_DB, which the connection shop names in postgres.url_env"],
      [{ url: "mysql://ana:secret@h" }, expect.not.stringContaining("secret") as string],
    ] as const) {
      const { result } = await submit(
        sqlPostgres,
        { connection: "shop", statements: "SELECT 1" },
        { host: at(settings) },
      );
      expect(result).toMatchObject({ kind: "refused", failure: { code: "CONFIG_INVALID", message } });
    }
    const { result } = await submit(sqlPostgres, { connection: "shoe", statements: "SELECT 1" }, there());
    expect(result).toMatchObject({
      failure: { message: "the task uses the connection shoe, which nocturne.yaml does not name" },
    });
  });

  it("cancels the statement at the server when the task is cancelled", async () => {
    const statements = ["INSERT INTO nights VALUES ('2026-01-01', 3)", "SELECT pg_sleep(60)"];
    const begun = await begin(sqlPostgres, { connection: "shop", statements }, there());
    await until("the statement", async () => (await sessions(begun.context.launchKey)) === 1);
    await begun.operator.cancel(begun.ref, begun.context);
    expect(await ended(begun)).toMatchObject({ failure: { class: "permanent", code: "CANCELLED" } });
    await until("the session to be gone", async () => (await sessions(begun.context.launchKey)) === 0);
    expect(await nights()).toEqual([]);
  });

  it("rule 19: what its process leaves behind is undone by the server, while the statement still runs", async () => {
    const statements = ["INSERT INTO nights VALUES ('2026-01-01', 3)", "SELECT pg_sleep(60)"];
    const begun = await begin(sqlPostgres, { connection: "shop", statements }, there());
    await until("the statement", async () => (await sessions(begun.context.launchKey)) === 1);
    letGo();
    await until("the server to notice", async () => (await sessions(begun.context.launchKey)) === 0);
    expect(await nights()).toEqual([]);
  });

  it("rule 19: a repeat first ends what a dead process left of the same launch", async () => {
    const launchKey = "1".repeat(48);
    const left = new pg.Client({ connectionString: database.url, application_name: `nocturne ${launchKey}` });
    left.on("error", () => undefined);
    await left.connect();
    await left.query("BEGIN; INSERT INTO nights VALUES ('2026-01-01', 1)");
    const statements = "INSERT INTO nights VALUES ('2026-01-01', 2)";
    const end = await sql({ statements, idempotent: true }, { launchKey, isRepeat: true });
    expect(end.kind).toBe("succeeded");
    expect(await nights()).toEqual([{ day: "2026-01-01", stores: 2 }]);
    await left.end().catch(() => undefined);
  });
});
