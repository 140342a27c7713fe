import { describe, expect, it } from "vitest";
import { createToken, findToken, listTokens, revokeToken } from "../../engine/store/tokens.ts";
import { untilSo } from "../setup/until.ts";
import { publication, serviceOfThisFile, type Answer } from "./service.ts";

const service = serviceOfThisFile([publication("sales_eu"), publication("sales_us"), publication("stock")]);
const get = (path: string, token: string | null) => service.call("GET", path, { token });
const idsOf = (answer: Answer) => answer.body.dags.map((dag) => dag["dag_id"]);

describe("a token", () => {
  it("is shown once and kept as a hash", async () => {
    const { token, id } = await createToken(service.store, { role: "viewer", note: "dashboard" });
    expect(token).toMatch(/^nct_[A-Za-z0-9_-]{43}$/);
    const { rows } = await service.store.pool.query<{ row: string }>("SELECT api_token::text AS row FROM api_token");
    expect(rows.some(({ row }) => row.includes(id))).toBe(true);
    expect(rows.some(({ row }) => row.includes(token.slice(4)))).toBe(false);
    const [newest] = await listTokens(service.store);
    expect(newest).toMatchObject({ id, role: "viewer", dags: ["*"], note: "dashboard", revokedAt: null });
  });

  it("remembers when it was last used, to the minute", async () => {
    const { token, id } = await createToken(service.store, { role: "viewer" });
    const lastUsed = async () => (await listTokens(service.store)).find((each) => each.id === id)?.lastUsedAt ?? null;
    await get("/api/v2/version", token);
    await untilSo(async () => (await lastUsed()) !== null);
    const first = await lastUsed();
    await findToken(service.store, token);
    expect(await lastUsed()).toBe(first);
    await service.store.pool.query(
      "UPDATE api_token SET last_used_at = last_used_at - interval '2 minutes' WHERE token_id = $1",
      [id],
    );
    await findToken(service.store, token);
    await untilSo(async () => ((await lastUsed()) ?? 0) >= (first ?? 0));
  });

  it("stops working with the request after it was revoked", async () => {
    const { token, id } = await createToken(service.store, { role: "viewer" });
    expect((await get("/api/v2/dags", token)).status).toBe(200);
    expect(await revokeToken(service.store, id)).toBe(true);
    expect(await get("/api/v2/dags", token)).toMatchObject({
      status: 401,
      body: { detail: "the token has been revoked" },
    });
    expect(await revokeToken(service.store, "tok_nothing")).toBe(false);
  });

  it("stops working when it expires", async () => {
    const { token } = await createToken(service.store, { role: "viewer", expiresAt: Date.now() + 400 });
    expect((await get("/api/v2/dags", token)).status).toBe(200);
    await untilSo(async () => (await get("/api/v2/dags", token)).status === 401);
    expect((await get("/api/v2/dags", token)).body).toMatchObject({ detail: "the token has expired" });
  });
});

describe("without a valid token", () => {
  it("everything is 401 and says how to come in, unknown paths too", async () => {
    for (const [method, path] of [
      ["GET", "/api/v2/dags"],
      ["POST", "/api/v2/dags/sales_eu/dagRuns"],
      ["GET", "/api/v2/openapi.json"],
      ["GET", "/api/v2/version"],
      ["GET", "/nothing"],
      ["DELETE", "/api/v2/dags/sales_eu"],
    ] as const) {
      for (const token of [null, "nct_wrong", "x".repeat(5_000)]) {
        const { status, headers, body } = await service.call(method, path, { token });
        expect([path, status]).toEqual([path, 401]);
        expect(headers.get("www-authenticate")).toMatch(/^Bearer realm="nocturne"/);
        expect(body).toMatchObject({ code: "UNAUTHENTICATED", request_id: headers.get("x-request-id") });
      }
    }
    const basic = await service.call("GET", "/api/v2/dags", { token: null, headers: { authorization: "Basic eDp5" } });
    expect(basic.status).toBe(401);
  });
});

describe("a role", () => {
  it("viewer reads, and neither triggers nor pauses", async () => {
    const token = await service.tokenOf("viewer");
    expect((await get("/api/v2/dags", token)).status).toBe(200);
    for (const [method, path] of [
      ["POST", "/api/v2/dags/sales_eu/dagRuns"],
      ["PATCH", "/api/v2/dags/sales_eu"],
    ] as const) {
      expect(await service.call(method, path, { token, body: {} })).toMatchObject({
        status: 403,
        body: { code: "FORBIDDEN" },
      });
    }
  });

  it("operator triggers", async () => {
    const token = await service.tokenOf("operator");
    const answer = await service.call("POST", "/api/v2/dags/sales_eu/dagRuns", { token, body: {} });
    expect(answer.status).toBe(200);
    expect(answer.body["triggering_user_name"]).toMatch(/^tok_/);
  });
});

describe("a token for some DAGs", () => {
  it("is refused the others before it learns whether they exist", async () => {
    const token = await service.tokenOf("admin", ["sales_*"]);
    expect((await get("/api/v2/dags/sales_us", token)).status).toBe(200);
    for (const path of ["stock", "stock/dagRuns", "nothing", "xsales_us", "stock/dagRuns/a/taskInstances"]) {
      expect([path, (await get(`/api/v2/dags/${path}`, token)).status]).toEqual([path, 403]);
    }
    expect((await service.call("POST", "/api/v2/dags/stock/dagRuns", { token, body: {} })).status).toBe(403);
  });

  it("sees of lists only its own", async () => {
    const answer = await get("/api/v2/dags", await service.tokenOf("viewer", ["sales_*"]));
    expect(idsOf(answer)).toEqual(["sales_eu", "sales_us"]);
    expect(answer.body.total_entries).toBe(2);
    await service.trigger("stock", { dag_run_id: "unseen" });
    const runs = await get("/api/v2/dags/~/dagRuns", await service.tokenOf("viewer", ["sales_e?"]));
    expect(runs.body.dag_runs.every((run) => run["dag_id"] === "sales_eu")).toBe(true);
    expect(idsOf(await get("/api/v2/dags", await service.tokenOf("viewer", ["sales%"])))).toEqual([]);
    expect(idsOf(await get("/api/v2/dags", await service.tokenOf("viewer", ["none", "stock"])))).toEqual(["stock"]);
  });
});

describe("the log", () => {
  it("has every request with its status and its token's id, and never a token or a query", async () => {
    const { token, id } = await createToken(service.store, { role: "viewer" });
    await get("/api/v2/dags?dag_id_pattern=sales&limit=3", token);
    await untilSo(async () => service.log.some(({ details }) => "token" in details && details.token === id));
    const text = JSON.stringify(service.log);
    expect(text).toContain('"path":"/api/v2/dags","status":200');
    expect(text).not.toContain(token);
    expect(text).not.toContain("dag_id_pattern");
  });
});
