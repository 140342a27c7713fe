import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { startApi } from "../../engine/api/server.ts";
import { untilSo } from "../setup/until.ts";
import { options, publication, serviceOfThisFile } from "./service.ts";

const service = serviceOfThisFile([publication("nightly")]);

/** Sends bytes as they are and answers what comes back until the server hangs up. */
function raw(url: string, ...parts: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let heard = "";
    const socket = connect(Number(port), hostname, () => {
      for (const part of parts) socket.write(part);
    });
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => (heard += text));
    socket.on("error", reject);
    socket.on("close", () => {
      resolve(heard);
    });
  });
}

describe("the server", () => {
  it("says in one error that its port is taken", async () => {
    const port = Number(new URL(service.url).port);
    await expect(startApi(options(service.store, { port }))).rejects.toMatchObject({
      problems: [{ code: "PORT_TAKEN", message: `something else listens on 127.0.0.1:${port}` }],
    });
  });

  it("answers what is under way before it closes, and takes nothing more", async () => {
    const server = await startApi(options(service.store));
    const holder = await service.store.pool.connect();
    await holder.query("BEGIN; LOCK TABLE run_key IN ACCESS EXCLUSIVE MODE");
    const underWay = service.call("POST", "/api/v2/dags/nightly/dagRuns", { url: server.url, body: {} });
    await untilSo(async () => {
      const { rows } = await holder.query("SELECT FROM pg_locks WHERE NOT granted");
      return rows.length > 0;
    });
    const closed = server.close();
    await holder.query("COMMIT");
    holder.release();
    expect((await underWay).status).toBe(200);
    await closed;
    await expect(fetch(server.url)).rejects.toThrow();
  });

  it("does not wait for a client that sends its request slowly", async () => {
    const server = await startApi(options(service.store, { requestTimeoutMs: 200 }));
    const head = `POST /api/v2/dags/nightly/dagRuns HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${service.token}\r\n`;
    const half = await raw(server.url, head);
    expect(half).toMatch(/^HTTP\/1\.1 408 /);
    expect(half).toContain("the request did not arrive in time");
    const body = await raw(server.url, `${head}Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{"no`);
    expect(body).toMatch(/^HTTP\/1\.1 408 /);
    await server.close();
  });

  it("answers what is no HTTP, or has endless headers, in its own words", async () => {
    expect(await raw(service.url, "hello\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 [^]*"this is no HTTP request"/);
    const endless = await raw(service.url, `GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(40_000)}\r\n\r\n`);
    expect(endless).toMatch(/^HTTP\/1\.1 431 /);
  });
});

describe("every answer", () => {
  it("has the security headers and the request's id, errors too", async () => {
    for (const [method, path, token] of [
      ["GET", "/api/v2/dags", service.token],
      ["GET", "/api/v2/dags", null],
      ["GET", "/nothing", service.token],
      ["GET", "/api/v2/dags/%zz", service.token],
    ] as const) {
      const { headers } = await service.call(method, path, { token });
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(headers.get("content-type")).toBe("application/json; charset=utf-8");
      expect(headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    }
  });
});

describe("a path or method that is not there", () => {
  it("is 404 with a code", async () => {
    for (const path of ["/", "/api/v2", "/api/v2/nothing", "/api/v1/dags", "/api/v2/dags/nightly/nothing"]) {
      const { status, body } = await service.call("GET", path);
      expect([path, status, body.code]).toEqual([path, 404, "NOT_FOUND"]);
    }
    expect((await service.call("GET", "/api/v2/dags/%zz")).status).toBe(400);
    expect((await service.call("GET", `/api/v2/dags/${"x".repeat(2_000)}`)).status).toBe(414);
  });

  it("is 405 for a path that is there, and says which methods it takes", async () => {
    for (const [method, path, allow] of [
      ["DELETE", "/api/v2/dags/nightly/dagRuns", "GET, HEAD, POST"],
      ["PUT", "/api/v2/dags/nightly", "GET, HEAD, PATCH"],
      ["POST", "/api/v2/dags", "GET, HEAD"],
    ] as const) {
      const { status, headers } = await service.call(method, path, { body: {} });
      expect([path, status]).toEqual([path, 405]);
      expect(new Set(headers.get("allow")?.split(", "))).toEqual(new Set(allow.split(", ")));
    }
  });

  it("HEAD is GET without its body", async () => {
    const head = await service.call("HEAD", "/api/v2/dags");
    const get = await service.call("GET", "/api/v2/dags");
    expect(head).toMatchObject({ status: 200, body: null });
    expect(head.headers.get("content-length")).toBe(get.headers.get("content-length"));
    expect((await service.call("HEAD", "/api/v2/dags", { token: null })).status).toBe(401);
  });
});

describe("a bug", () => {
  it("is 500 with the request's id, without stack and SQL; the log has them", async () => {
    await service.store.pool.query("ALTER TABLE import_error RENAME TO away");
    try {
      const { status, body } = await service.call("GET", "/api/v2/importErrors");
      expect(status).toBe(500);
      expect(body).toEqual({
        detail: "this is a bug in Nocturne; its log has more under the request's id",
        code: "INTERNAL",
        request_id: body["request_id"],
      });
      const logged = service.log.find(({ details }) => "err" in details && "requestId" in details);
      expect(logged?.details).toMatchObject({ requestId: body["request_id"] });
    } finally {
      await service.store.pool.query("ALTER TABLE away RENAME TO import_error");
    }
  });
});

interface Operation {
  readonly operationId?: string;
  readonly security?: readonly unknown[];
  readonly requestBody?: unknown;
  readonly responses: Readonly<Record<string, { readonly content?: unknown }>>;
}

describe("the OpenAPI document", () => {
  it("has every path with its answers, its refusals and who may come in", async () => {
    const { status, body } = await service.call("GET", "/api/v2/openapi.json");
    expect(status).toBe(200);
    expect(body["openapi"]).toBe("3.1.0");
    expect(body["security"]).toEqual([{ token: [] }]);
    const paths = body["paths"] as Record<string, Record<string, Operation>>;
    expect(Object.keys(paths).sort()).toEqual([
      "/api/v2/approvals",
      "/api/v2/assets",
      "/api/v2/assets/events",
      "/api/v2/backfills",
      "/api/v2/backfills/dry_run",
      "/api/v2/backfills/{backfill_id}",
      "/api/v2/backfills/{backfill_id}/cancel",
      "/api/v2/backfills/{backfill_id}/pause",
      "/api/v2/backfills/{backfill_id}/unpause",
      "/api/v2/dags",
      "/api/v2/dags/{dag_id}",
      "/api/v2/dags/{dag_id}/clearTaskInstances",
      "/api/v2/dags/{dag_id}/dagRuns",
      "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}",
      "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/clear",
      "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances",
      "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}",
      "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/approval",
      "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/{task_id}/{map_index}",
      "/api/v2/eventLogs",
      "/api/v2/importErrors",
      "/api/v2/monitor/health",
      "/api/v2/openapi.json",
      "/api/v2/variables",
      "/api/v2/variables/{variable_key}",
      "/api/v2/version",
    ]);
    for (const operation of Object.values(paths).flatMap((methods) => Object.values(methods))) {
      expect(operation.operationId).toBeDefined();
      const done = ["200", "201"].map((status) => operation.responses[status]?.content);
      expect(done.some((content) => content !== undefined) || "204" in operation.responses).toBe(true);
      const isOpen = operation.security?.length === 0;
      expect("401" in operation.responses).toBe(!isOpen);
      expect(isOpen).toBe(operation.operationId === "get_health");
    }
    const trigger = paths["/api/v2/dags/{dag_id}/dagRuns"]?.["post"];
    expect(Object.keys(trigger?.responses ?? {})).toEqual("200 400 401 403 404 409 413 415 422 429 503".split(" "));
    expect(JSON.stringify(trigger?.requestBody)).toContain("data_interval_start");
    const { schemas } = body["components"] as { schemas: Record<string, { required?: string[] }> };
    expect(schemas["DAGRunResponse"]?.required).toContain("dag_versions");
    for (const [, name = ""] of JSON.stringify(body).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      expect(schemas).toHaveProperty(name);
    }
  });
});
