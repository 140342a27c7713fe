import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** An answer of the stub: a JSON document, or exactly these bytes, or no answer at all. */
export type Answer =
  | { readonly json: object }
  | {
      readonly error: string;
      readonly message?: string;
      readonly status?: number;
      readonly headers?: Record<string, string>;
    }
  | {
      readonly raw: string | Uint8Array;
      readonly status: number;
      readonly type: string;
      readonly headers?: Record<string, string>;
    }
  | "reset"
  | "silence";

export interface StubCall {
  /** "AWSGlue.StartJobRun"; "GET /bucket" for S3. */
  readonly operation: string;
  readonly input: Record<string, unknown>;
  readonly headers: IncomingMessage["headers"];
}

export type Handler = (input: Record<string, unknown>, call: number) => Answer;

/** A server that answers AWS's JSON and S3's requests with what a test says, and remembers what it was asked. */
export interface StubAws {
  readonly url: string;
  readonly calls: readonly StubCall[];
  on(operation: string, handler: Handler): void;
  /** Answers `operation` with these bytes. */
  onBytes(operation: string, bytes: Uint8Array): void;
  stop(): Promise<void>;
}

export async function startStubAws(): Promise<StubAws> {
  const calls: StubCall[] = [];
  const handlers = new Map<string, Handler>();
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const target = request.headers["x-amz-target"];
      const path = (request.url ?? "/").split("?")[0];
      const operation = typeof target === "string" ? target : `${request.method} ${path}`;
      const input = typeof target === "string" ? (JSON.parse(body || "{}") as Record<string, unknown>) : {};
      calls.push({ operation, input, headers: request.headers });
      const count = calls.filter((call) => call.operation === operation).length;
      const answer = handlers.get(operation)?.(input, count) ?? { error: "UnknownOperationException" };
      if (answer === "silence") return;
      if (answer === "reset") return void request.socket.destroy();
      if ("json" in answer) {
        response.writeHead(200, { "content-type": "application/x-amz-json-1.1" }).end(JSON.stringify(answer.json));
      } else if ("error" in answer) {
        const headers = { "content-type": "application/x-amz-json-1.1", ...answer.headers };
        const document = { __type: answer.error, Message: answer.message ?? "said the stub" };
        response.writeHead(answer.status ?? 400, headers).end(JSON.stringify(document));
      } else {
        response.writeHead(answer.status, { "content-type": answer.type, ...answer.headers }).end(answer.raw);
      }
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    on: (operation, handler) => handlers.set(operation, handler),
    onBytes: (operation, bytes) =>
      handlers.set(operation, () => ({ raw: bytes, status: 200, type: "application/octet-stream" })),
    stop: () =>
      new Promise((stopped) => {
        server.closeAllConnections();
        server.close(() => stopped());
      }),
  };
}
