import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import swagger from "@fastify/swagger";
import fastify from "fastify";
import { jsonSchemaTransform, jsonSchemaTransformObject, serializerCompiler } from "fastify-type-provider-zod";
import { z } from "zod";
import { NocturneError } from "../core/errors.ts";
import { ApiError, sendError } from "./answer-error.ts";
import { authenticate, authorize } from "./auth.ts";
import { rememberPaths } from "./known-paths.ts";
import type { Api, ApiOptions } from "./options.ts";
import { approvalRoutes } from "./routes/approvals.ts";
import { assetRoutes } from "./routes/assets.ts";
import { backfillRoutes } from "./routes/backfills.ts";
import { dagRunRoutes } from "./routes/dag-runs.ts";
import { dagRoutes } from "./routes/dags.ts";
import { eventLogRoutes } from "./routes/event-logs.ts";
import { importErrorRoutes } from "./routes/import-errors.ts";
import { monitorRoutes } from "./routes/monitor.ts";
import { peopleRoutes } from "./routes/people.ts";
import { taskInstanceRoutes } from "./routes/task-instances.ts";
import { triggerRoutes } from "./routes/trigger.ts";
import { variableRoutes } from "./routes/variables.ts";
import { refusals } from "./schemas/answers.ts";
import { hasNul, isTooDeep, validatorCompiler } from "./validation.ts";

const BODY_LIMIT = 256 * 1024;
const REQUEST_MS = 10_000;
const ANSWER_MS = 5_000;

/** Only data comes from here: nothing of it may be run, framed, guessed at or kept by a proxy. */
const SECURITY_HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

export interface ApiServer {
  /** Where it listens: "http://127.0.0.1:8080". */
  readonly url: string;
  /** Takes no more requests; those under way are answered. */
  close(): Promise<void>;
}

/** Serves /api/v2. Throws NocturneError PORT_TAKEN. */
export async function startApi(options: ApiOptions): Promise<ApiServer> {
  const app = await createApp(options);
  const { host, port } = options;
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EADDRINUSE") throw error;
    const message = `something else listens on ${host}:${port}`;
    throw new NocturneError({ code: "PORT_TAKEN", message }, { cause: error });
  }
  const [address] = app.addresses();
  const bound = typeof address === "object" ? address.port : port;
  return { url: urlOf(host, bound), close: () => app.close() };
}

async function createApp(options: ApiOptions): Promise<Api> {
  const { store, log, requestTimeoutMs = REQUEST_MS } = options;
  const app: Api = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    genReqId: () => randomUUID(),
    handlerTimeout: options.answerTimeoutMs ?? ANSWER_MS,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: 65_000,
    // Node looks for slow clients only so often.
    http: { headersTimeout: requestTimeoutMs, connectionsCheckingInterval: Math.min(1_000, requestTimeoutMs) },
    routerOptions: { maxParamLength: 1_000 },
    frameworkErrors: (error, request, reply) => {
      void reply.headers({ ...SECURITY_HEADERS, "x-request-id": request.id });
      sendError(error, request, reply, log);
    },
    clientErrorHandler: refuseSocket,
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.removeContentTypeParser("text/plain");
  app.decorateRequest("caller", null);

  app.addHook("onRequest", async (request, reply) => {
    void reply.headers({ ...SECURITY_HEADERS, "x-request-id": request.id });
    if (request.routeOptions.config.isOpen === true) return;
    request.caller = await authenticate(store, request);
    authorize(request.caller, request);
  });
  app.addHook("preValidation", async ({ body, params, query }) => {
    if (hasNul(params, query)) throw new ApiError(400, "REQUEST_INVALID", "the path or the query holds a NUL");
    if (isTooDeep(body)) throw new ApiError(400, "REQUEST_INVALID", "the body is nested too deeply");
  });
  let isClosing = false;
  app.addHook("preClose", async () => {
    isClosing = true;
  });
  app.addHook("onSend", async (_, reply) => {
    // Else a client would keep the connection, and the server would wait for it.
    if (isClosing) void reply.header("connection", "close");
  });
  app.addHook("onResponse", async (request, reply) => {
    const { id: requestId, method, caller } = request;
    // Without the query: people put secrets there by mistake.
    const [path] = request.url.split("?", 1);
    const ms = Math.round(reply.elapsedTime);
    log.info({ requestId, method, path, status: reply.statusCode, ms, token: caller?.id ?? null }, "request");
  });

  app.setErrorHandler((error, request, reply) => {
    sendError(error, request, reply, log);
  });
  const paths = rememberPaths(app);
  app.setNotFoundHandler((request, reply) => {
    const [path = ""] = request.url.split("?", 1);
    const methods = paths.methodsOf(path);
    if (methods.length === 0) throw new ApiError(404, "NOT_FOUND", `there is no ${path}`);
    const allow = methods.join(", ");
    sendError(new ApiError(405, "NOT_FOUND", `${path} takes ${allow}`, { allow }), request, reply, log);
  });

  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Nocturne",
        version: options.version,
        description: "Airflow 3's REST dialect for what both have. Every error has detail, code and request_id.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      components: {
        securitySchemes: { token: { type: "http", scheme: "bearer", description: "nocturne tokens create" } },
      },
      security: [{ token: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  await app.register(async (api) => {
    dagRoutes(api, options);
    triggerRoutes(api, options);
    variableRoutes(api, options);
    dagRunRoutes(api, options);
    backfillRoutes(api, options);
    taskInstanceRoutes(api, options);
    peopleRoutes(api, options);
    eventLogRoutes(api, options);
    assetRoutes(api, options);
    approvalRoutes(api, options);
    importErrorRoutes(api, options);
    monitorRoutes(api, options);
    api.get(
      "/api/v2/openapi.json",
      {
        schema: {
          operationId: "get_openapi",
          tags: ["Version"],
          summary: "This document",
          response: { 200: z.record(z.string(), z.unknown()), ...refusals(401) },
        },
      },
      async () => ({ ...app.swagger() }),
    );
  });
  await app.ready();
  return app;
}

/** What is no HTTP, or comes too slowly, never becomes a request: it is answered on the bare socket. */
function refuseSocket(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, detail] =
    error.code === "ERR_HTTP_REQUEST_TIMEOUT"
      ? ["408 Request Timeout", "the request did not arrive in time"]
      : error.code === "HPE_HEADER_OVERFLOW"
        ? ["431 Request Header Fields Too Large", "the headers are too large"]
        : ["400 Bad Request", "this is no HTTP request"];
  const body = JSON.stringify({ detail, code: "REQUEST_INVALID", request_id: randomUUID() });
  const head = [
    `HTTP/1.1 ${status}`,
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

/** An address that a client on this machine can use. */
function urlOf(host: string, port: number): string {
  if (host === "0.0.0.0") return `http://127.0.0.1:${port}`;
  if (host === "::") return `http://[::1]:${port}`;
  return host.includes(":") ? `http://[${host}]:${port}` : `http://${host}:${port}`;
}
