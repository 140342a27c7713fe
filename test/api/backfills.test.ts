import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApi, type ApiServer } from "../../engine/api/server.ts";
import { createToken } from "../../engine/store/tokens.ts";
import { pendingCommands } from "../../engine/store/inbox.ts";
import { SCHEDULE_DEFAULTS } from "../../engine/core/dag.ts";
import { Fleet } from "../runtime/harness.ts";
import { dagSpec, taskSpec } from "../scenario/scenario.ts";
import { testDatabase, type TestDatabase } from "../setup/postgres.ts";
import { options, type Item } from "./service.ts";

const SPEC = {
  ...dagSpec([taskSpec("extract")]),
  params: { region: { type: "string", enum: ["eu", "us"] } as const },
  schedule: { ...SCHEDULE_DEFAULTS, cron: ["0 2 * * *"], timezone: "UTC" },
};
let database: TestDatabase;
let fleet: Fleet;
let server: ApiServer;
let token: string;

beforeAll(async () => {
  database = await testDatabase();
  fleet = await Fleet.create(database.url);
  fleet.service.held.add("extract");
  const engine = await fleet.engine(SPEC);
  await engine.ready;
  ({ token } = await createToken(fleet.store, { role: "admin" }));
  server = await startApi(options(fleet.store, { now: () => engine.now() }));
});
afterAll(async () => {
  await server.close();
  await fleet.close();
  await database.drop();
});

const call = async (method: string, path: string, body?: unknown, bearer = token, url = server.url) => {
  const response = await fetch(`${url}/api/v2/backfills${path}`, {
    method,
    headers: {
      authorization: `Bearer ${bearer}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Item };
};
const range = (from: number, to: number, more: object = {}) => ({
  dag_id: "nightly",
  from_date: `2026-03-0${from}T00:00:00Z`,
  to_date: `2026-03-0${to}T23:59:59Z`,
  ...more,
});
const runs = async () =>
  (
    await fleet.store.pool.query<{ day: string; state: string }>(
      "SELECT to_char(logical_at, 'DD') AS day, state FROM dag_run ORDER BY logical_at",
    )
  ).rows.map(({ day, state }) => `${day} ${state}`);

describe("REST: a backfill", () => {
  it("is looked ahead at without doing anything", async () => {
    expect(await call("POST", "/dry_run", range(1, 3))).toEqual({
      status: 200,
      body: {
        backfills: [1, 2, 3].map((day) => ({ logical_date: `2026-03-0${day}T02:00:00.000Z` })),
        total_entries: 3,
        left_alone: [],
        estimate: null,
        would_be_refused: null,
      },
    });
    expect(await runs()).toEqual([]);
    expect(await pendingCommands(fleet.store)).toEqual([]);
  });

  it("is made with exactly what Airflow's client sends, answered with 200 and Airflow's fields", async () => {
    const sent = range(1, 3, {
      max_active_runs: 1,
      run_backwards: true,
      run_on_latest_version: true,
      reprocess_behavior: "none",
      dag_run_conf: { region: "eu" },
    });
    const { status, body } = await call("POST", "", sent);
    expect(status).toBe(200);
    expect(body).toEqual({
      id: 1,
      dag_id: "nightly",
      dag_display_name: "nightly",
      from_date: "2026-03-01T00:00:00.000Z",
      to_date: "2026-03-03T23:59:59.000Z",
      dag_run_conf: { region: "eu" },
      is_paused: false,
      reprocess_behavior: "none",
      max_active_runs: 1,
      created_at: expect.any(String) as string,
      completed_at: null,
      updated_at: expect.any(String) as string,
    });
    await expect.poll(runs).toEqual(["01 queued", "02 queued", "03 running"]);
    expect(await call("GET", "/1")).toEqual({ status: 200, body });
    expect(await call("GET", "?dag_id=nightly&active=true")).toEqual({
      status: 200,
      body: { backfills: [body], total_entries: 1 },
    });
    expect((await call("GET", "?active=false")).body).toEqual({ backfills: [], total_entries: 0 });
  });

  it("is refused while another of its DAG has not ended, with the number of that one", async () => {
    const refused = await call("POST", "", range(4, 5));
    expect(refused).toMatchObject({ status: 409, body: { code: "BACKFILL_ACTIVE" } });
    expect(refused.body["detail"]).toMatch(/has not ended: 1 /);
    expect((await call("POST", "/dry_run", range(3, 4))).body).toMatchObject({
      backfills: [{ logical_date: "2026-03-04T02:00:00.000Z" }],
      left_alone: [{ logical_date: "2026-03-03T02:00:00.000Z", reason: "in_flight" }],
      would_be_refused: "BACKFILL_ACTIVE",
    });
  });

  it("is paused, goes on, and is cancelled: what waits has failed, what runs goes on to its end", async () => {
    expect(await call("PUT", "/1/pause")).toMatchObject({ status: 200, body: { is_paused: true } });
    expect(await call("PUT", "/1/pause")).toMatchObject({ status: 200, body: { is_paused: true } });
    expect(await call("PUT", "/1/unpause")).toMatchObject({ status: 200, body: { is_paused: false } });
    const cancelled = await call("PUT", "/1/cancel");
    expect(cancelled).toMatchObject({ status: 200, body: { completed_at: expect.any(String) as string } });
    expect(await runs()).toEqual(["01 failed", "02 failed", "03 running"]);
    fleet.service.held.clear();
    await expect.poll(runs).toEqual(["01 failed", "02 failed", "03 success"]);
    for (const word of ["pause", "unpause", "cancel"]) {
      expect(await call("PUT", `/1/${word}`)).toMatchObject({ status: 409, body: { code: "BACKFILL_ENDED" } });
    }
  });

  it("that makes no sense is refused with what is wrong, before anything is done", async () => {
    const refused = async (body: unknown, path = "") => {
      const answer = await call("POST", path, body);
      return `${answer.status} ${JSON.stringify(answer.body["detail"])}`;
    };
    for (const path of ["", "/dry_run"]) {
      expect(await refused(range(3, 1), path)).toMatch(/^422 .*begins after it ends/);
      expect(await refused({ ...range(1, 2), dag_id: "nothing" }, path)).toMatch(/^404/);
      expect(await refused(range(1, 2, { dag_run_conf: { region: "mars" } }), path)).toMatch(/^422 .*dag_run_conf/);
      expect(await refused(range(1, 2, { dag_run_conf: { constructor: 1 } }), path)).toMatch(/^422 .*no param/);
      expect(await refused(range(1, 2, { run_on_latest_version: false }), path)).toMatch(/^422 .*latest version/);
      expect(await refused(range(1, 2, { max_active_runs: 0 }), path)).toMatch(/^422/);
      expect(await refused(range(1, 2, { max_active_runs: 1e9 }), path)).toMatch(/^422 .*from 1 to 1000/);
      expect(await refused(range(1, 2, { reprocess: "none" }), path)).toMatch(/^422 .*does not exist/);
      expect(await refused({ ...range(1, 2), from_date: "2026-03-01" }, path)).toMatch(/^422 .*from_date/);
      expect(
        await refused({ ...range(1, 2), from_date: "2190-01-01T00:00:00Z", to_date: "2190-01-02T00:00:00Z" }, path),
      ).toMatch(/^422 .*still to come/);
    }
    expect(await call("GET", "/99")).toMatchObject({ status: 404, body: { code: "BACKFILL_NOT_FOUND" } });
    expect((await call("PUT", "/99/cancel")).status).toBe(404);
    for (const id of ["-1", "1.5", "x", "9".repeat(30)]) expect((await call("GET", `/${id}`)).status).toBe(422);
    expect(await pendingCommands(fleet.store)).toEqual([]);
  });

  it("needs a token that reaches its DAG, and the role of an operator", async () => {
    const other = await createToken(fleet.store, { role: "operator", dags: ["stock_*"] });
    const viewer = await createToken(fleet.store, { role: "viewer" });
    expect((await call("POST", "", range(1, 1), other.token)).status).toBe(403);
    expect((await call("POST", "/dry_run", range(1, 1), other.token)).status).toBe(403);
    expect((await call("GET", "/1", undefined, other.token)).status).toBe(403);
    expect((await call("PUT", "/1/pause", undefined, other.token)).status).toBe(403);
    expect((await call("GET", "", undefined, other.token)).body).toEqual({ backfills: [], total_entries: 0 });
    expect((await call("POST", "", range(1, 1), viewer.token)).status).toBe(403);
    expect((await call("GET", "/1", undefined, viewer.token)).status).toBe(200);
  });

  it("rule 30: that nobody takes up in time is withdrawn: 503, and nothing was done", async () => {
    // Another fleet: nobody writes for it.
    const idle = await Fleet.create(database.url, { fleet: "deserted" });
    const publisher = await idle.engine(SPEC);
    await publisher.ready;
    await publisher.stop();
    const made = await createToken(idle.store, { role: "admin" });
    const alone = await startApi(options(idle.store, { commandTimeoutMs: 100, now: () => Date.now() }));
    const answer = await call("POST", "", range(1, 2), made.token, alone.url);
    expect(answer).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
    expect(answer.body["detail"]).toContain("nothing was done");
    expect(await pendingCommands(idle.store)).toEqual([]);
    await alone.close();
    await idle.close();
  });
});
