import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApi, type ApiServer } from "../../engine/api/server.ts";
import { createToken } from "../../engine/store/tokens.ts";
import { Fleet } from "../runtime/harness.ts";
import { dagSpec, taskSpec } from "../scenario/scenario.ts";
import { testDatabase, type TestDatabase } from "../setup/postgres.ts";
import { options } from "./service.ts";

let database: TestDatabase;
let fleet: Fleet;
let api: ApiServer;
let token: string;

beforeAll(async () => {
  database = await testDatabase();
  fleet = await Fleet.create(database.url);
  const engine = await fleet.engine(dagSpec([taskSpec("load")]));
  await engine.ready;
  api = await startApi(options(fleet.store, { commandTimeoutMs: 20_000 }));
  token = await tokenOf("operator", ["*"]);
});
afterAll(async () => {
  await api.close();
  await fleet.close();
  await database.drop();
});

const tokenOf = async (role: "viewer" | "operator", dags: readonly string[]): Promise<string> =>
  (await createToken(fleet.store, { role, dags })).token;

async function call(method: string, path: string, body?: unknown, bearer = token) {
  const response = await fetch(`${api.url}/api/v2/variables${path}`, {
    method,
    headers: {
      authorization: `Bearer ${bearer}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? null : (JSON.parse(text) as unknown) };
}

describe("variables over REST", () => {
  it("are made, read, changed and taken away in Airflow's fields", async () => {
    const made = { key: "regions", value: '["eu","us"]', description: null, is_encrypted: false };
    expect(await call("POST", "", { key: "regions", value: ["eu", "us"] })).toEqual({ status: 201, body: made });
    expect(await call("POST", "", { key: "schema", value: "mart", description: "of marts" })).toMatchObject({
      status: 201,
    });
    expect(await call("POST", "", { key: "schema", value: "other" })).toMatchObject({ status: 409 });
    expect(await call("GET", "/regions")).toEqual({ status: 200, body: made });
    expect(await call("GET", "?limit=1&order_by=-key")).toMatchObject({
      status: 200,
      body: { variables: [{ key: "schema", value: "mart" }], total_entries: 2 },
    });
    expect(await call("PATCH", "/schema", { key: "schema", value: 5 })).toMatchObject({
      status: 200,
      body: { value: "5", description: "of marts" },
    });
    expect(
      await call("PATCH", "/schema?update_mask=description", { key: "schema", value: "not meant", description: "new" }),
    ).toMatchObject({ status: 200, body: { value: "5", description: "new" } });
    expect(await call("DELETE", "/schema")).toEqual({ status: 204, body: null });
    expect(await call("GET", "/schema")).toMatchObject({ status: 404, body: { code: "VARIABLE_NOT_FOUND" } });
  });

  it("that are not there, or that make no sense, are refused", async () => {
    expect((await call("PATCH", "/gone", { key: "gone", value: 1 })).status).toBe(404);
    expect((await call("DELETE", "/gone")).status).toBe(404);
    expect((await call("PATCH", "/gone", { key: "other", value: 1 })).status).toBe(400);
    for (const body of [
      { key: "a" },
      { key: "a", value: null },
      { key: "a-b", value: 1 },
      { key: "a", value: 1, x: 1 },
    ]) {
      expect((await call("POST", "", body)).status).toBe(422);
    }
    expect((await call("POST", "", { key: "a", value: "x".repeat(70_000) })).status).toBe(422);
  });

  it("are of no DAG: only who reaches every DAG reads them, and only an operator changes them", async () => {
    const narrow = await tokenOf("operator", ["nightly"]);
    expect((await call("GET", "", undefined, narrow)).status).toBe(403);
    expect((await call("POST", "", { key: "a", value: 1 }, narrow)).status).toBe(403);
    const viewer = await tokenOf("viewer", ["*"]);
    expect((await call("GET", "", undefined, viewer)).status).toBe(200);
    expect((await call("POST", "", { key: "a", value: 1 }, viewer)).status).toBe(403);
  });
});
