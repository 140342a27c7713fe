import { expect, test } from "vitest";
import { SCHEDULE_DEFAULTS, type DagSpec } from "../../engine/core/dag.ts";
import type { TimeScale } from "../../engine/core/time-scale.ts";
import type { Engine } from "../../engine/runtime/engine.ts";
import { commandResult, enqueue } from "../../engine/store/inbox.ts";
import { dagSpec, taskSpec } from "../scenario/scenario.ts";
import { untilSo } from "../setup/until.ts";
import { fleetForEachTest, loaded, type Fleet } from "./harness.ts";

const HOUR = 3_600_000;

let fleet: Fleet;

fleetForEachTest((made) => (fleet = made));

const nightly = (changes: Partial<DagSpec> = {}): DagSpec => ({
  ...dagSpec([taskSpec("load")]),
  schedule: { ...SCHEDULE_DEFAULTS, cron: ["0 2 * * *"], timezone: "UTC", catchup: true },
  startAt: Date.parse("2026-01-01T00:00Z"),
  sla: [{ name: "ready", finishBy: { hour: 6, minute: 0, days: 0 } }],
  notify: [{ email: ["oncall@example.com"], on: ["sla_missed"] }],
  ...changes,
});

/** A clock that reads `text` now, and makes an hour of every `realMs`. */
const clockAt = (text: string, realMs = HOUR): TimeScale => ({
  factor: HOUR / realMs,
  realFrom: Date.now(),
  engineFrom: Date.parse(text),
});

const started = (time: TimeScale, spec = nightly()): Promise<Engine> =>
  fleet.engine(spec, (deps) => ({ ...deps, plans: true, time }));

const rows = async <T>(sql: string): Promise<T[]> => (await fleet.store.pool.query(sql)).rows as T[];
const runs = (): Promise<{ day: string; state: string }[]> =>
  rows("SELECT to_char(logical_at, 'MM-DD') AS day, state FROM dag_run ORDER BY logical_at");
const count = async (sql: string): Promise<number> =>
  (await rows<{ count: number }>(`SELECT count(*)::int AS count FROM ${sql}`))[0]?.count ?? -1;

test("nights come due by the engine's clock, each is run once and meets its deadline", async () => {
  // An hour takes 20 ms: the deadline is far enough away that a machine which pauses for seconds misses none.
  const far = { name: "ready", finishBy: { hour: 6, minute: 0, days: 60 } };
  await started(clockAt("2026-01-02T01:00Z", 20), nightly({ sla: [far] }));
  await untilSo(async () => (await count("dag_run WHERE state = 'success'")) >= 3);
  const nights = await runs();
  expect(nights.slice(0, 3).map(({ day }) => day)).toEqual(["01-01", "01-02", "01-03"]);
  expect(fleet.service.jobs.length).toBeLessThanOrEqual(nights.length);
  expect(await count("deadline WHERE state = 'met'")).toBeGreaterThanOrEqual(3);
  expect(await count("deadline WHERE state = 'missed'")).toBe(0);
  expect(fleet.errors).toEqual([]);
});

test("a due time that passed while nobody ran is caught up once", async () => {
  const first = await started(clockAt("2026-01-02T01:55Z"));
  await first.ready;
  await first.stop();
  expect(await runs()).toEqual([]);
  for (const time of ["2026-01-02T02:05Z", "2026-01-02T02:06Z"]) {
    const next = await started(clockAt(time));
    await next.settled();
    await next.stop();
  }
  expect(await runs()).toEqual([{ day: "01-01", state: "success" }]);
  expect(fleet.service.jobs).toHaveLength(1);
});

test("a deadline that passes writes one miss and one mail in the same flush, and no other process adds one", async () => {
  fleet.service.held.add("load");
  const first = await started(clockAt("2026-01-02T01:59Z", 50));
  await untilSo(async () => (await count("deadline WHERE state = 'missed'")) === 1);
  expect(await count("outbox WHERE kind = 'sla_missed'")).toBe(1);
  await first.stop();
  const next = await started(clockAt("2026-01-02T07:00Z"));
  await next.ready;
  expect(await count("outbox")).toBe(1);
  expect(await count("deadline WHERE state = 'missed'")).toBe(1);
});

test("a pause by command holds the schedule until it is lifted, also across a restart", async () => {
  const first = await started(clockAt("2026-01-02T01:00Z"));
  const paused = await enqueue(fleet.store, { kind: "pause_dag", dagId: "nightly", isPaused: true, by: "test" });
  await untilSo(async () => (await commandResult(fleet.store, paused))?.ok === true);
  await first.stop();
  const next = await started(clockAt("2026-01-02T03:00Z"));
  await next.ready;
  await next.settled();
  expect(await runs()).toEqual([]);
  await enqueue(fleet.store, { kind: "pause_dag", dagId: "nightly", isPaused: false, by: "test" });
  await untilSo(async () => (await runs()).length === 1);
});

test("a command about a DAG that is not there says so", async () => {
  await started(clockAt("2026-01-02T01:00Z"));
  const id = await enqueue(fleet.store, { kind: "pause_dag", dagId: "weekly", isPaused: true, by: "test" });
  await untilSo(async () => (await commandResult(fleet.store, id)) !== null);
  expect(await commandResult(fleet.store, id)).toMatchObject({ ok: false, code: "DAG_NOT_FOUND" });
});

test("a DAG published while the engine runs is scheduled from then on, and one whose file is gone is not", async () => {
  const engine = await started(clockAt("2026-01-02T03:00Z"), nightly({ schedule: null, sla: [] }));
  await engine.ready;
  engine.publish({ dags: [loaded(nightly())], gone: [] });
  await untilSo(async () => (await runs()).length === 1);
  engine.publish({ dags: [], gone: ["nightly"] });
  await untilSo(async () => (await count("dag WHERE is_stale")) === 1);
  engine.publish({ dags: [loaded(nightly())], gone: [] });
  await untilSo(async () => (await count("dag WHERE NOT is_stale")) === 1);
  expect(await count("dag_version")).toBe(2);
});

test("an engine that only carries out a command's wish plans nothing", async () => {
  const engine = await fleet.engine(nightly(), (deps) => ({ ...deps, time: clockAt("2026-01-05T03:00Z") }));
  await engine.ready;
  await engine.settled();
  expect(await runs()).toEqual([]);
  expect(await count("deadline")).toBe(0);
});

test("rule 26: a date that somebody takes while its night is planned is not run twice, and planning goes on", async () => {
  const other = await fleet.store.pool.connect();
  await other.query("BEGIN");
  await other.query(`INSERT INTO run_key (run_id, dag_id, dag_run_id, logical_at)
    VALUES (gen_random_uuid(), 'nightly', 'taken', '2026-01-01T02:00Z')`);
  await started(clockAt("2026-01-03T03:00Z"));
  const blocked = "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
  await untilSo(async () => (await count(blocked)) > 0);
  await other.query("COMMIT");
  other.release();
  await untilSo(async () => (await count("dag_run WHERE state = 'success'")) >= 1);
  expect(await runs()).toEqual([{ day: "01-02", state: "success" }]);
});
