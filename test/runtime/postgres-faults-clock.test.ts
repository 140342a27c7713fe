import { existsSync, mkdtempSync, rmSync, writeFileSync, chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { SCHEDULE_DEFAULTS, type DagSpec } from "../../engine/core/dag.ts";
import { scaledTime, type TimeScale } from "../../engine/core/time-scale.ts";
import { OwnPostgres } from "../setup/own-postgres.ts";
import { testDatabase } from "../setup/postgres.ts";
import { dagSpec, taskSpec } from "../scenario/specs.ts";
import { startRun } from "./flow-engine.ts";
import { untilSo } from "../setup/until.ts";
import { Fleet } from "./harness.ts";

// Servers start and recover meanwhile: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 240_000 });

const HOUR = 3_600_000;
const SHIFTS = [HOUR, -HOUR, 0];

/** Debian's package libfaketime. */
const FAKETIME = ["x86_64", "aarch64"]
  .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`)
  .find((path) => existsSync(path));

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function fleetIn(url: string): Promise<Fleet> {
  const fleet = await Fleet.create(url);
  cleanups.push(() => fleet.close());
  return fleet;
}

/** Due again and again from `startAt` on, without end; every run has a deadline that it cannot meet. */
const everySoOften = (cron: string, startAt: number): DagSpec => ({
  ...dagSpec([taskSpec("load", { operator: "token", retries: 1, retryDelayMs: 500 })]),
  schedule: { ...SCHEDULE_DEFAULTS, cron: [cron], timezone: "UTC", catchup: true },
  startAt,
  maxActiveRuns: 100,
  sla: [{ name: "at once", finishBy: { hour: 0, minute: 0, days: 0 } }],
  notify: [{ email: ["oncall@example.com"], on: ["sla_missed"] }],
});

interface Run {
  readonly at: number;
  readonly state: string;
}

const rowsOf = async <T>({ store }: Fleet, sql: string): Promise<T[]> => (await store.pool.query(sql)).rows as T[];

const runsOf = (fleet: Fleet): Promise<Run[]> =>
  rowsOf(fleet, "SELECT logical_at AS at, state FROM dag_run WHERE logical_at IS NOT NULL ORDER BY 1");

const countOf = async (fleet: Fleet, from: string): Promise<number> =>
  (await rowsOf<{ count: number }>(fleet, `SELECT count(*)::int AS count FROM ${from}`))[0]?.count ?? -1;

/** Each due time has one run and each run one job, each deadline was decided once and told once, and no time went back. */
async function expectUnharmed(fleet: Fleet, stepMs: number, moreJobs = 0): Promise<void> {
  const runs = await runsOf(fleet);
  expect(new Set(runs.map(({ state }) => state))).toEqual(new Set(["success"]));
  const first = runs[0]?.at ?? 0;
  expect(runs.map(({ at }) => at)).toEqual(runs.map((_, index) => first + index * stepMs));
  expect(fleet.service.jobs).toHaveLength(runs.length + moreJobs);
  expect(await countOf(fleet, "outbox WHERE kind = 'sla_missed'")).toBe(
    await countOf(fleet, "(SELECT DISTINCT dag_id, due_at, rule FROM deadline WHERE state = 'missed') AS missed"),
  );
  const backwards = `(SELECT at < lag(at) OVER (ORDER BY entry_no) AS back FROM state_history) AS steps WHERE back`;
  expect(await countOf(fleet, backwards)).toBe(0);
}

const allEnded = async (fleet: Fleet, least: number): Promise<boolean> => {
  const runs = await runsOf(fleet);
  return runs.length >= least && runs.every(({ state }) => state === "success");
};

describe("rule 9: engine time is Postgres's", () => {
  it("a wall clock that is set an hour forwards and back makes no night early, lost or doubled, and ends no lease for good", async () => {
    const database = await testDatabase();
    cleanups.push(() => database.drop());
    const fleet = await fleetIn(database.url);
    // A minute takes half a second.
    const time: TimeScale = { factor: 120, realFrom: Date.now(), engineFrom: Date.parse("2026-03-01T12:00Z") };
    const spec = everySoOften("* * * * *", time.engineFrom);
    const engine = await fleet.engine(spec, (deps) => ({ ...deps, plans: true, time, waitsForDatabase: true }));
    const wall = Date.now.bind(Date);
    let shift = 0;
    vi.spyOn(Date, "now").mockImplementation(() => wall() + shift);
    for (const next of SHIFTS) {
      const before = (await runsOf(fleet)).length;
      shift = next;
      await untilSo(() => allEnded(fleet, before + 3));
      const [late] = await rowsOf<{ now: number }>(fleet, "SELECT clock_timestamp() AS now");
      const latest = Math.max(...(await runsOf(fleet)).map(({ at }) => at));
      expect(latest).toBeLessThanOrEqual(scaledTime(time, late?.now ?? 0));
    }
    await engine.stop();
    await untilSo(() => allEnded(fleet, 9));
    await expectUnharmed(fleet, 60_000);
  });

  it.skipIf(FAKETIME === undefined)(
    "Postgres's clock that is set an hour forwards and back makes no night lost or doubled, and no time goes back (needs libfaketime)",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "nocturne-clock-"));
      cleanups.push(() => rmSync(folder, { recursive: true }));
      chmodSync(folder, 0o755);
      const control = join(folder, "shift");
      const setClock = (shiftMs: number): void =>
        writeFileSync(control, `${shiftMs < 0 ? "" : "+"}${shiftMs / 1000}\n`);
      setClock(0);
      const environment = {
        LD_PRELOAD: FAKETIME,
        FAKETIME_TIMESTAMP_FILE: control,
        FAKETIME_NO_CACHE: "1",
        DONT_FAKE_MONOTONIC: "1",
      };
      const postgres = await OwnPostgres.start({ environment });
      cleanups.push(() => postgres.remove());
      const fleet = await fleetIn(postgres.url);
      const step = 10 * 60_000;
      const from = Math.floor(Date.now() / step) * step - 3 * step;
      const engine = await fleet.engine(everySoOften("*/10 * * * *", from), (deps) => ({
        ...deps,
        plans: true,
        waitsForDatabase: true,
      }));
      await untilSo(() => allEnded(fleet, 3));
      const now = async (): Promise<number> =>
        (await rowsOf<{ now: number }>(fleet, "SELECT clock_timestamp() AS now"))[0]?.now ?? 0;
      setClock(HOUR);
      expect((await now()) - Date.now()).toBeGreaterThan(HOUR - 60_000);
      await untilSo(() => allEnded(fleet, 9));
      const ahead = (await runsOf(fleet)).length;
      for (const shift of [-HOUR, 0]) {
        setClock(shift);
        expect(Math.abs((await now()) - Date.now() - shift)).toBeLessThan(60_000);
        // Its second try waits by the engine's clock, which goes on although Postgres is hours behind it.
        fleet.service.failures.set("load", 1);
        await startRun(fleet, "nightly");
        const triggered = "dag_run WHERE logical_at IS NULL AND state = 'success'";
        const before = await countOf(fleet, triggered);
        await untilSo(async () => (await countOf(fleet, triggered)) > before);
      }
      await engine.stop();
      const jobsOfEach = 2;
      await expectUnharmed(fleet, step, 2 * jobsOfEach);
      expect(await runsOf(fleet)).toHaveLength(ahead);
    },
  );
});

describe("rule 2: the writer's row", () => {
  it("of a writer that died just before Postgres's clock was set back an hour is taken by the standby's own clock", async () => {
    const database = await testDatabase();
    cleanups.push(() => database.drop());
    const fleet = await fleetIn(database.url);
    await fleet.store.pool.query(
      "UPDATE writer SET epoch = 7, owner = 'dead', expires_at = clock_timestamp() + interval '1 hour'",
    );
    const engine = await fleet.engine(dagSpec([taskSpec("load")]), (deps) => ({ ...deps, waitsForDatabase: true }));
    await engine.ready;
    expect(engine.isWriting).toBe(false);
    await untilSo(async () => engine.isWriting);
    expect(await rowsOf(fleet, "SELECT epoch FROM writer")).toEqual([{ epoch: "8" }]);
  });
});
