import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { AwsError } from "../contract.ts";
import type { Faults, RequestFaultKind } from "../faults.ts";
import type { Control } from "./control.ts";
import { YoungJobs } from "./eventual.ts";
import type { Reply } from "./reply.ts";
import { addressOf, routeOf, type Address, type Route, type Services } from "./route.ts";
import type { SignatureCheck } from "./signature.ts";

const SKEW_MS = 3_600_000;
const SLOW_MS = 1_000;

/** Every request of every service comes through here: counted, struck by faults, checked for its signature, answered. */
export class Dispatcher {
  readonly #services: Services;
  readonly #faults: Faults;
  readonly #signature: SignatureCheck;
  readonly #control: Control;
  readonly #young = new YoungJobs();

  constructor(services: Services, faults: Faults, signature: SignatureCheck, control: Control) {
    this.#services = services;
    this.#faults = faults;
    this.#signature = signature;
    this.#control = control;
  }

  async handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = randomUUID();
    try {
      const url = addressOf(message);
      if (url.path.startsWith("/_local/")) {
        await send(response, await this.#control.reply(message, url), requestId);
        return;
      }
      const route = await routeOf(message, url, this.#services);
      this.#control.count(route.operation);
      await this.#serve(route, message, url, response, requestId);
    } catch (error) {
      if (response.destroyed) return;
      const { code, message: text, httpStatus } = asAwsError(error);
      const reply = { status: httpStatus, headers: {}, body: JSON.stringify({ __type: code, message: text }) };
      await send(response, reply, requestId).catch(() => response.destroy());
    }
  }

  async #serve(
    route: Route,
    message: IncomingMessage,
    url: Address,
    response: ServerResponse,
    id: string,
  ): Promise<void> {
    const fault = this.#faults.takeForRequest(route.operation, route.text);
    if (fault?.kind === "reset_before") return void message.socket.destroy();
    if (fault?.kind === "hang") return hang(message, fault.ms);
    if (fault !== null && !isAfter(fault.kind)) {
      message.resume();
      return send(response, faultReply(route, fault.kind, fault.ms, id), id);
    }
    const reply = await this.#reply(route, message, url, id);
    // The effect took place and its answer is lost: the case a client cannot tell from one that never arrived.
    if (fault?.kind === "hang_after") return hang(message, fault.ms);
    if (fault?.kind === "slow") await delay(fault.ms ?? SLOW_MS);
    else if (fault !== null) return void message.socket.destroy();
    // Node reads the rest of a refused upload before it answers the next request on the connection.
    if (!message.readableEnded) message.resume();
    await send(response, reply, id);
  }

  async #reply(route: Route, message: IncomingMessage, url: Address, requestId: string): Promise<Reply> {
    try {
      const { method = "GET", headers } = message;
      const signed = { method, path: url.path, query: url.query, headers, body: route.body };
      this.#signature.check(signed, route.s3);
      const hiddenMs = this.#faults.hiddenMs(route.operation, route.text);
      if (hiddenMs > 0) this.#refuseYoung(route, hiddenMs);
      return await route.run(requestId, (answer) => this.#edit(route, answer, hiddenMs));
    } catch (error) {
      return route.error(asAwsError(error), requestId);
    }
  }

  #refuseYoung(route: Route, hiddenMs: number): void {
    const refusal = this.#young.refusal(route.operation, route.text, Date.now(), hiddenMs);
    if (refusal === null) return;
    this.#faults.useHidden(route.operation, route.text);
    throw refusal;
  }

  #edit(route: Route, answer: object, hiddenMs: number): object {
    this.#young.started(route.operation, answer, Date.now());
    return hiddenMs === 0 ? answer : this.#young.withoutYoung(route.operation, answer, Date.now(), hiddenMs);
  }
}

async function send(response: ServerResponse, reply: Reply, requestId: string): Promise<void> {
  const { status, headers, body } = reply;
  const ids = { "x-amzn-requestid": requestId, "x-amz-request-id": requestId };
  if (body === null || typeof body === "string" || body instanceof Uint8Array) {
    const length = body === null ? {} : { "content-length": String(Buffer.byteLength(body)) };
    response.writeHead(status, { ...length, ...headers, ...ids }).end(body ?? undefined);
    return;
  }
  response.writeHead(status, { ...headers, ...ids });
  if (body.start === body.end) {
    response.end();
    return;
  }
  // A client that goes away in the middle of an object is no failure of ours.
  await pipeline(createReadStream(body.path, { start: body.start, end: body.end - 1 }), response).catch(() =>
    response.destroy(),
  );
}

const AFTER_KINDS = ["reset_after", "hang_after", "slow"] as const;
type AfterKind = (typeof AFTER_KINDS)[number];

/** Whether a fault strikes when the request has been carried out. */
const isAfter = (kind: RequestFaultKind): kind is AfterKind => (AFTER_KINDS as readonly string[]).includes(kind);

/** Never answers; after `ms`, or when the client gives up, the connection is gone. */
async function hang(message: IncomingMessage, ms: number | null): Promise<void> {
  const timer = ms === null ? undefined : setTimeout(() => message.socket.destroy(), ms);
  message.resume();
  await new Promise<void>((resolve) => message.socket.once("close", resolve));
  clearTimeout(timer);
}

function faultReply(
  route: Route,
  kind: Exclude<RequestFaultKind, "reset_before" | "hang" | AfterKind>,
  ms: number | null,
  requestId: string,
): Reply {
  switch (kind) {
    case "throttle":
      return route.error(
        route.s3
          ? new AwsError("SlowDown", "Please reduce your request rate.", 503)
          : new AwsError("ThrottlingException", "Rate exceeded"),
        requestId,
      );
    case "error500":
      return route.error(
        new AwsError(route.s3 ? "InternalError" : "InternalServerException", "fault: error500", 500),
        requestId,
      );
    case "html503":
      return {
        status: 503,
        headers: { "content-type": "text/html" },
        body: "<html><body><b>Http/1.1 Service Unavailable</b></body></html>",
      };
    case "clock_skew": {
      const error = new AwsError(
        route.s3 ? "RequestTimeTooSkewed" : "InvalidSignatureException",
        "Signature expired: the difference between the request time and the server's time is too large",
        403,
      );
      const reply = route.error(error, requestId);
      const date = new Date(Date.now() + (ms ?? SKEW_MS)).toUTCString();
      return { ...reply, headers: { ...reply.headers, date } };
    }
  }
}

function asAwsError(error: unknown): AwsError {
  if (error instanceof AwsError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOSPC" || code === "EDQUOT") return new AwsError("InternalError", "local disk full", 500);
  process.stderr.write(`local-aws: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return new AwsError(
    "InternalError",
    `local-aws failed: ${error instanceof Error ? error.message : String(error)}`,
    500,
  );
}
