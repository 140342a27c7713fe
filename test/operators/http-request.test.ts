import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { httpRequest } from "../../operators/http-request/operator.ts";
import { letGo } from "../../operators/in-process/works.ts";
import { until } from "../setup/until.ts";
import { begin, ended, run } from "./working.ts";

type Handler = (request: IncomingMessage & { body: string }, response: ServerResponse) => void;

let server: Server;
let url: string;
let handler: Handler;
let seen: (IncomingMessage & { body: string })[];
beforeEach(async () => {
  seen = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const whole = Object.assign(request, { body: Buffer.concat(chunks).toString("utf8") });
      seen.push(whole);
      handler(whole, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  letGo();
  server.closeAllConnections();
  server.close();
});

const answers =
  (status: number, body = "", headers: Record<string, string> = {}): Handler =>
  (_, response) =>
    response.writeHead(status, headers).end(body);
const send = (params: object) => run(httpRequest, { url, ...params });
const hangUp: Handler = (request) => void request.socket.destroy();

describe("http.request", () => {
  it("leaves behind status, headers and the parsed body of the answer, and no cookies", async () => {
    handler = answers(201, '{"rows": [1]}', { "Content-Type": "application/json; charset=utf-8", "Set-Cookie": "a=1" });
    const end = await send({});
    expect(end).toMatchObject({ kind: "succeeded", output: { status: 201, body: { rows: [1] } } });
    expect(JSON.stringify(end)).not.toContain("a=1");
    handler = answers(200, "plain");
    expect(await send({})).toMatchObject({ output: { body: "plain" } });
    handler = answers(204);
    expect(await send({})).toMatchObject({ output: { status: 204, body: null } });
  });

  it("sends a document, its headers, and the launch key as the Idempotency-Key of a POST", async () => {
    handler = answers(200);
    const context = { launchKey: "k".repeat(48) };
    await run(
      httpRequest,
      { url, method: "POST", json: { day: "2026-01-01" }, headers: { "X-Team": "sales" } },
      context,
    );
    await run(httpRequest, { url, method: "POST", text: "x", headers: { "idempotency-key": "own" } });
    await send({ method: "PUT", text: "x" });
    expect(seen.map(({ method, body, headers }) => [method, body, headers["idempotency-key"]])).toEqual([
      ["POST", '{"day":"2026-01-01"}', context.launchKey],
      ["POST", "x", "own"],
      ["PUT", "x", undefined],
    ]);
    expect(seen[0]?.headers).toMatchObject({ "content-type": "application/json", "x-team": "sales" });
  });

  it.each([
    [404, "GET", "permanent"],
    [403, "GET", "denied"],
    [408, "POST", "retryable"],
    [500, "GET", "retryable"],
    [503, "POST", "permanent"],
  ])("takes a %i to a %s as %s", async (status, method, failureClass) => {
    handler = answers(status, "the reason\n why");
    expect(await send({ method })).toMatchObject({
      kind: "failed",
      failure: {
        class: failureClass,
        code: "HTTP_STATUS",
        message: expect.stringContaining("the reason why") as string,
      },
    });
    expect(seen).toHaveLength(1);
  });

  it("holds the status against what the task expects", async () => {
    handler = answers(404);
    expect(await send({ expect_status: 404 })).toMatchObject({ kind: "succeeded", output: { status: 404 } });
    expect(await send({ expect_status: [200, 404] })).toMatchObject({ kind: "succeeded" });
    handler = answers(200);
    expect(await send({ expect_status: 201 })).toMatchObject({ failure: { code: "HTTP_STATUS" } });
  });

  it("waits as a busy server asks, and sends again: no try is lost by it", async () => {
    handler = (_, response) =>
      seen.length < 3 ? response.writeHead(429, { "Retry-After": "0" }).end() : response.writeHead(200).end("done");
    expect(await send({ method: "POST" })).toMatchObject({ kind: "succeeded", output: { body: "done" } });
    expect(new Set(seen.map(({ headers }) => headers["idempotency-key"])).size).toBe(1);
  });

  it("can be cancelled while it waits for a busy server, and while it waits for an answer", async () => {
    for (const busy of [answers(429, "", { "Retry-After": "600" }), () => undefined] satisfies Handler[]) {
      handler = busy;
      const before = seen.length;
      const begun = await begin(httpRequest, { url });
      await until("the request", () => seen.length > before);
      await begun.operator.cancel(begun.ref, begun.context);
      expect(await ended(begun)).toMatchObject({ failure: { class: "permanent", code: "CANCELLED" } });
    }
  });

  it("tries a lost answer again only for what may be sent twice", async () => {
    handler = hangUp;
    expect(await send({})).toMatchObject({ failure: { class: "retryable", code: "HTTP_UNREACHABLE" } });
    expect(await send({ method: "POST" })).toMatchObject({ failure: { class: "permanent", code: "HTTP_UNREACHABLE" } });
    expect(await send({ method: "POST", idempotent: true })).toMatchObject({ failure: { class: "retryable" } });
    handler = () => undefined;
    expect(await send({ timeout: "50ms" })).toMatchObject({
      failure: { class: "retryable", message: "no answer within 50ms" },
    });
  });

  it("tries again what was certainly not sent", async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(await send({ method: "POST" })).toMatchObject({ failure: { class: "retryable", code: "HTTP_UNREACHABLE" } });
  });

  it("reads no more of an answer than an output may hold, and says so by name", async () => {
    handler = (_, response) => {
      response.writeHead(200);
      const pour = (): void => {
        while (!response.destroyed && response.write("x".repeat(16_384)));
        response.once("drain", pour);
      };
      pour();
    };
    expect(await send({})).toMatchObject({ failure: { class: "permanent", code: "OUTPUT_TOO_LARGE" } });
  });

  it("follows a few redirects of a GET, to http and https only, and tells no password to another server", async () => {
    const other = createServer((request, response) => response.end(JSON.stringify(request.headers)));
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const elsewhere = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    handler = (request, response) =>
      response.writeHead(302, { Location: request.url === "/" ? "/on" : elsewhere }).end();
    const end = await send({ headers: { Authorization: "Bearer secret", "X-Team": "sales" } });
    expect(end).toMatchObject({ output: { body: expect.stringContaining('"x-team":"sales"') as string } });
    expect(JSON.stringify(end)).not.toContain("secret");
    other.closeAllConnections();
    other.close();
    handler = answers(302, "", { Location: "/" });
    expect(await send({})).toMatchObject({ failure: { class: "permanent", message: "more than 5 redirects" } });
    handler = answers(302, "", { Location: "file:///etc/passwd" });
    expect(await send({})).toMatchObject({ failure: { class: "permanent", code: "HTTP_STATUS" } });
    handler = answers(307, "", { Location: "/" });
    seen = [];
    expect(await send({ method: "POST" })).toMatchObject({ failure: { class: "permanent", code: "HTTP_STATUS" } });
    expect(seen).toHaveLength(1);
  });
});
