import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { NocturneError, type Problem } from "../../engine/core/errors.ts";
import { enqueue, listenForCommands, wakeWriterSoon } from "../../engine/store/inbox.ts";
import { openStore } from "../../engine/store/open.ts";
import { checkRequirements } from "../../engine/store/requirements.ts";
import { storeOfThisFile } from "./fleet.ts";
import { untilSo } from "../setup/until.ts";
import { transactionPooler } from "./transaction-pooler.ts";

const here = storeOfThisFile();

async function problemOf(databaseUrl: string, fleet = "nocturne"): Promise<Problem | undefined> {
  try {
    const store = await openStore({ databaseUrl, fleet, applicationName: "tests" });
    await store.close();
    return undefined;
  } catch (error) {
    if (error instanceof NocturneError) return error.problems[0];
    throw error;
  }
}

const changed = (change: Partial<Pick<URL, "password" | "username" | "pathname" | "port">>): string =>
  Object.assign(new URL(here.url), change).href;

describe("opening the store", () => {
  it("says where nothing answers, and never the password", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const problem = await problemOf(changed({ port: String(port), password: "hunter2" }));
    expect(problem?.code).toBe("DATABASE_UNREACHABLE");
    expect(problem?.message).toContain(`127.0.0.1:${port}`);
    expect(JSON.stringify(problem)).not.toContain("hunter2");
  });

  it("says what the server refused: the password, the user, the database", async () => {
    const wrong = [{ password: "hunter2" }, { username: "nobody_here" }, { pathname: "/no_such_database" }];
    for (const change of wrong) {
      const problem = await problemOf(changed(change));
      expect(problem?.code).toBe("DATABASE_REFUSED");
      expect(problem?.message).not.toContain("hunter2");
    }
  });

  it("an address that is no URL and a fleet that is no schema's name are told at once", async () => {
    expect(await problemOf("postgres://[nowhere")).toMatchObject({ code: "DATABASE_UNREACHABLE" });
    expect(await problemOf(here.url, 'x"; DROP TABLE writer; --')).toMatchObject({ code: "CONFIG_INVALID" });
    expect(await problemOf(here.url, "pg_toast")).toMatchObject({ code: "CONFIG_INVALID" });
  });

  it("every connection speaks in the fleet's schema, in UTC, with limits", async () => {
    const { rows } = await here.store.pool.query<Record<string, string>>(
      `SELECT current_schema() AS schema, current_setting('timezone') AS zone, current_setting('application_name') AS name,
              current_setting('statement_timeout') AS statement,
              current_setting('idle_in_transaction_session_timeout') AS idle`,
    );
    expect(rows[0]).toEqual({ schema: "nocturne", zone: "UTC", name: "tests", statement: "30s", idle: "10s" });
  });
});

describe("rule 10: requirements", () => {
  it("a server as it should be has no problem", async () => {
    expect(await checkRequirements(here.store)).toEqual([]);
  });

  it("commits that do not wait for the disk are a warning", async () => {
    const url = new URL(here.url);
    url.searchParams.set("options", "-c synchronous_commit=off");
    const store = await openStore({
      databaseUrl: url.href,
      fleet: "nocturne",
      applicationName: "tests",
    });
    expect(await checkRequirements(store)).toEqual([
      { code: "DATABASE_UNSAFE", message: "the server runs with fsync on and synchronous_commit off" },
    ]);
    await store.close();
  });

  it("a pooler that lends its backends by transaction is found out", async () => {
    const pooler = await transactionPooler(here.url);
    const store = await openStore({ databaseUrl: pooler.url, fleet: "nocturne", applicationName: "tests" });
    expect((await checkRequirements(store)).map((problem) => problem.code)).toEqual(["DATABASE_POOLER"]);
    await pooler.close();
    await store.close();
  });
});

describe("rule 30: the wake-up", () => {
  /** What another process says when it has put a wish into the inbox. */
  const toldElsewhere = () => here.store.pool.query("SELECT pg_notify('nocturne_nocturne', 'another process')");

  it("rings when a command comes in elsewhere, and again after the connection was lost", async () => {
    let rings = 0;
    const listener = await listenForCommands(here.store, () => (rings += 1));
    await toldElsewhere();
    await untilSo(async () => rings === 1);
    await here.store.pool.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()",
    );
    await untilSo(async () => rings === 2);
    await toldElsewhere();
    await untilSo(async () => rings === 3);
    await listener.close();
  });

  it("rings once and at once for a wish of the same process, over whatever connections it came", async () => {
    const { settings } = here.store;
    const own = await openStore(settings);
    let rings = 0;
    const listener = await listenForCommands(here.store, () => (rings += 1));
    wakeWriterSoon(own);
    expect(rings).toBe(1);
    await enqueue(own, { kind: "cancel_run", runId: "r", by: "ann" });
    expect(rings).toBe(2);
    // Notifications come in the order of their commits: those of this process have been passed over by then.
    await toldElsewhere();
    await untilSo(async () => rings > 2);
    expect(rings).toBe(3);
    await listener.close();
    wakeWriterSoon(own);
    expect(rings).toBe(3);
    await own.close();
  });
});
