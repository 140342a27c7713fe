import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startApi, type ApiServer } from "../../engine/api/server.ts";
import { openStore, type Store } from "../../engine/store/open.ts";
import { untilSo } from "../setup/until.ts";
import { Gateway } from "./gateway.ts";
import { options, publication, serviceOfThisFile } from "./service.ts";

const service = serviceOfThisFile([publication("nightly")]);
const ANSWER_MS = 600;
let gateway: Gateway;
let store: Store;
let server: ApiServer;

beforeAll(async () => {
  gateway = await Gateway.to(service.databaseUrl);
  store = await openStore({ databaseUrl: gateway.url, fleet: "nocturne", applicationName: "tests" });
  server = await startApi(options(store, { answerTimeoutMs: ANSWER_MS }));
});
afterAll(async () => {
  await server.close();
  await gateway.close();
  await store.close();
});

const call = (method: string, path: string, body?: object) =>
  service.call(method, path, { url: server.url, ...(body === undefined ? {} : { body }) });

async function expectUnavailable(): Promise<void> {
  const startedAt = performance.now();
  for (const answer of await Promise.all([
    call("POST", "/api/v2/dags/nightly/dagRuns", { dag_run_id: "while_away" }),
    call("GET", "/api/v2/dags"),
    call("PATCH", "/api/v2/dags/nightly", { is_paused: true }),
  ])) {
    expect(answer).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  }
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  const health = await service.call("GET", "/api/v2/monitor/health", { url: server.url, token: null });
  expect(health).toMatchObject({ status: 503, body: { metadatabase: { status: "unhealthy" }, ready: false } });
}

describe("while the database is away", () => {
  it("every answer is 503 at once when it refuses, and all is well when it is back", async () => {
    expect((await call("GET", "/api/v2/dags")).status).toBe(200);
    gateway.cut();
    await expectUnavailable();
    gateway.mend();
    expect((await call("POST", "/api/v2/dags/nightly/dagRuns", { dag_run_id: "back" })).status).toBe(200);
  });

  it("every answer is 503 within the time for an answer when it is silent", async () => {
    expect((await call("GET", "/api/v2/dags")).status).toBe(200);
    gateway.block();
    const startedAt = performance.now();
    expect(await call("GET", "/api/v2/dags")).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(ANSWER_MS - 50);
    expect(performance.now() - startedAt).toBeLessThan(ANSWER_MS + 3_000);
    gateway.mend();
    await untilSo(async () => (await call("GET", "/api/v2/dags")).status === 200);
  });
});
