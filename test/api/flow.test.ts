import { afterEach, beforeEach, expect, test } from "vitest";
import { startApi, type ApiServer } from "../../engine/api/server.ts";
import { makeApprovalLink } from "../../engine/store/approval-links.ts";
import { createToken, type TokenRole } from "../../engine/store/tokens.ts";
import { dag, flowEngine, noop, startRun } from "../runtime/flow-engine.ts";
import { untilSo } from "../setup/until.ts";
import { Fleet } from "../runtime/harness.ts";
import { taskSpec } from "../scenario/scenario.ts";
import { testDatabase, type TestDatabase } from "../setup/postgres.ts";
import { options } from "./service.ts";

const ASK = dag("asks", [taskSpec("ask", { operator: "approval", with: { message: "Publish <b>?" } })]);
const PRODUCER = dag("orders_dag", [noop("load", { produces: ["orders"] })]);
const CONSUMER = dag("report", [noop("report")], { onAssets: { all: ["orders", "stores"] } });

let database: TestDatabase;
let fleet: Fleet;
let server: ApiServer;
beforeEach(async () => {
  database = await testDatabase();
  fleet = await Fleet.create(database.url);
  server = await startApi(options(fleet.store));
  await (
    await flowEngine(fleet, [ASK, PRODUCER, CONSUMER])
  ).ready;
});
afterEach(async () => {
  await server.close();
  await fleet.close();
  await database.drop();
});

async function call(method: string, path: string, body?: unknown, role: TokenRole = "operator", dags = ["*"]) {
  const { token } = await createToken(fleet.store, { role, dags });
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** A run whose approval waits. */
async function asked(): Promise<string> {
  const runId = await startRun(fleet, "asks");
  await untilSo(async () => (await call("GET", "/api/v2/approvals")).body["total_entries"] === 1);
  return runId;
}
const path = (runId: string): string => `/api/v2/dags/asks/dagRuns/manual__${runId}/taskInstances/ask/approval`;

test("an approval is listed, decided once by an operator, and a later word is a conflict", async () => {
  const runId = await asked();
  expect((await call("GET", "/api/v2/approvals")).body["approvals"]).toMatchObject([
    { dag_id: "asks", task_id: "ask", message: "Publish <b>?", until: null },
  ]);
  expect((await call("POST", path(runId), { decision: "approved" }, "viewer")).status).toBe(403);
  expect((await call("POST", path(runId), { decision: "approved" }, "operator", ["other_*"])).status).toBe(403);
  expect((await call("POST", path(runId), { decision: "maybe" })).status).toBe(422);
  expect(await call("POST", path(runId), { decision: "approved", note: "fine" })).toMatchObject({
    status: 200,
    body: { decision: "approved", task_id: "ask" },
  });
  expect(await call("POST", path(runId), { decision: "rejected" })).toMatchObject({
    status: 409,
    body: { code: "APPROVAL_DECIDED" },
  });
});

test("a mail's link shows the question and decides only by its form, once", async () => {
  const runId = await asked();
  const facts = { runId, taskNo: 1, mapIndex: -1, taskId: "ask", tryNumber: 1, message: "", until: null };
  const url = `${server.url}/approvals/${await makeApprovalLink(fleet.store, facts, "ana@example.com")}`;
  for (const look of [1, 2]) {
    const page = await fetch(url);
    expect([look, page.status, page.headers.get("content-type")]).toEqual([look, 200, "text/html; charset=utf-8"]);
    expect(await page.text()).toContain("Publish &#60;b&#62;?");
  }
  const decide = () =>
    fetch(url, { method: "POST", body: new URLSearchParams({ decision: "rejected", note: "too early" }) });
  expect((await decide()).status).toBe(200);
  expect((await decide()).status).toBe(409);
  expect(await (await fetch(url)).text()).toContain("decided before");
  const { rows } = await fleet.store.pool.query<{ failure_message: string }>("SELECT failure_message FROM attempt");
  expect(rows).toEqual([{ failure_message: "rejected by ana@example.com: too early" }]);
  expect((await fetch(`${server.url}/approvals/${"x".repeat(43)}`)).status).toBe(404);
});

test("assets are listed with what waits for them, and are brought up to date from outside", async () => {
  const emit = (asset: string, dags = ["*"]) =>
    call("POST", "/api/v2/assets/events", { asset, extra: { rows: 1 } }, "operator", dags);
  expect((await emit("orders", ["orders_*"])).status).toBe(403);
  expect(await emit("order")).toMatchObject({ status: 404, body: { code: "ASSET_NOT_FOUND" } });
  expect(await emit("orders")).toMatchObject({ status: 200, body: { asset: "orders", consumers: ["report"] } });
  expect((await call("GET", "/api/v2/assets")).body["assets"]).toMatchObject([
    {
      name: "orders",
      producing_tasks: [{ dag_id: "orders_dag", task_id: "load" }],
      scheduled_dags: [{ dag_id: "report", on_assets: "orders & stores", updates: 1 }],
    },
    { name: "stores", last_asset_event: null },
  ]);
  await emit("stores");
  const runs = () => call("GET", "/api/v2/dags/report/dagRuns");
  await untilSo(async () => (await runs()).body["total_entries"] === 1);
  expect((await runs()).body["dag_runs"]).toMatchObject([
    { run_type: "asset_triggered", triggered_by: "asset", logical_date: null },
  ]);
  expect((await call("GET", "/api/v2/assets/events?asset=stores")).body["asset_events"]).toMatchObject([
    { name: "stores", source_dag_id: null, extra: { rows: 1 } },
  ]);
  const unreached = await call("GET", "/api/v2/assets/events", undefined, "viewer", ["other_*"]);
  expect(unreached).toMatchObject({ status: 200, body: { asset_events: [], total_entries: 0 } });
});
