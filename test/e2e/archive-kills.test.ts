import { spawn, type ChildProcess } from "node:child_process";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { startPostgres } from "../../engine/local/embedded-postgres.ts";
import type { Manifest } from "../../engine/store/archive/export.ts";
import { dropFleet, migrate } from "../../engine/store/migrate.ts";
import { openStore, type Store } from "../../engine/store/open.ts";
import { writeHistory } from "../store/history.ts";
import { until } from "./project.ts";

const PROGRAM = resolve(import.meta.dirname, "../../bin/nocturne.js");
const JANUARY = Date.UTC(2026, 0, 15);

let home: string;
let server: Awaited<ReturnType<typeof startPostgres>>;
let store: Store;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "nocturne-archive-"));
  await chmod(home, 0o755);
  server = await startPostgres({ home });
});
afterAll(async () => {
  await server.stop();
  await rm(home, { recursive: true, force: true });
});
beforeEach(async () => {
  store = await openStore({ databaseUrl: server.url, fleet: "nocturne", applicationName: "tests" });
  await dropFleet(store);
  await migrate(store);
  await store.pool.query("SELECT make_month('2026-01-01')");
  await rm(join(home, "archive"), { recursive: true, force: true });
  return () => store.close();
});

interface Archiving {
  readonly child: ChildProcess;
  readonly said: { out: string; err: string };
  readonly ended: Promise<number | null>;
}

/** `nocturne db archive` in a process of its own, with so little memory that a month in it at once would end it. */
function archive(...args: string[]): Archiving {
  const env = { ...process.env, DATABASE_URL: server.url, NODE_OPTIONS: "--max-old-space-size=64" };
  const command = ["db", "archive", "--before", "2026-02-01", "--home", home, "--json", ...args];
  const child = spawn(process.execPath, [PROGRAM, ...command], { cwd: home, env });
  const said = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said.err += chunk.toString()));
  return { child, said, ended: new Promise((done) => child.once("close", done)) };
}

async function number(text: string): Promise<number> {
  return Number(Object.values((await store.pool.query<Record<string, unknown>>(text)).rows[0] ?? {})[0]);
}

const tables = (): Promise<number> =>
  number("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE '%\\_2026\\_01'");

it("killed in the middle of the export of 100,000 runs, it loses nothing, and the next call completes it in 64 MB", async () => {
  await writeHistory(store, { at: JANUARY, runs: 100_000, wide: 200 });
  const first = archive();
  await until("rows of the outputs", () => /output: [1-9]/.test(first.said.err), 120_000);
  first.child.kill("SIGKILL");
  await first.ended;
  expect(await number("SELECT count(*) FROM output")).toBe(100_000);
  expect(await number("SELECT count(*) FROM partition_state WHERE state = 'closing' AND export IS NULL")).toBe(1);
  const second = archive();
  expect({ code: await second.ended, err: second.said.err.match(/[A-Z]+_[A-Z]+ .*/)?.[0] }).toEqual({ code: 0 });
  const folder = join(home, "archive", "nocturne", "2026_01");
  const [month] = (JSON.parse(second.said.out) as { months: object[] }).months;
  expect(month).toMatchObject({ month: "2026-01", outcome: "gone", runs: 100_000, folder });
  const manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")) as Manifest;
  expect(manifest.tables.find(({ table }) => table === "state_history")?.rows).toBe(200_000);
  expect([await tables(), await number("SELECT count(*) FROM run_summary")]).toEqual([0, 100_000]);
}, 480_000);

it("killed between the detach and the drop, the next call drops what was exported", async () => {
  await writeHistory(store, { at: JANUARY, runs: 50 });
  // Whoever drops a table waits for this lock.
  const gate = new pg.Client({ connectionString: server.url });
  await gate.connect();
  await gate.query("SELECT pg_advisory_lock(4711)");
  await gate.query(`CREATE OR REPLACE FUNCTION public.wait_at_gate() RETURNS event_trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_xact_lock(4711); END $$`);
  await gate.query(
    "CREATE EVENT TRIGGER gate ON ddl_command_start WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION public.wait_at_gate()",
  );
  const first = archive();
  await until(
    "the drop",
    async () =>
      (await number("SELECT count(*) FROM pg_stat_activity WHERE query ~ '^DROP' AND wait_event_type = 'Lock'")) > 0,
  );
  first.child.kill("SIGKILL");
  await first.ended;
  await gate.query("DROP EVENT TRIGGER gate");
  await gate.end();
  expect([await number("SELECT count(*) FROM dag_run"), await tables()]).toEqual([0, expect.any(Number)]);
  expect(await tables()).toBeGreaterThan(5);
  const second = archive();
  expect(await second.ended).toBe(0);
  expect([await tables(), await number("SELECT count(*) FROM partition_state WHERE state = 'gone'")]).toEqual([0, 1]);
});
