import type { IncomingMessage } from "node:http";
import { AwsError, type JsonService } from "../contract.ts";
import { s3Operation, s3Request } from "../s3/request.ts";
import type { S3Service } from "../s3/service.ts";
import { s3ErrorReply } from "../s3/xml.ts";
import type { Reply } from "./reply.ts";
import { operationShapes, readRequest, writeAnswer } from "./shape.ts";
import { isQueryRequest, stsErrorReply, stsReply } from "./sts.ts";

/** One request, understood: which operation it is, how to run it and how its service words an error. */
export interface Route {
  /** "Glue.StartJobRun" */
  readonly operation: string;
  /** What a fault's `match` is looked for in: the body, or the method and path of an S3 request. */
  readonly text: string;
  /** The body when it is read already; null when the handler streams it. */
  readonly body: string | null;
  readonly s3: boolean;
  /** `edit` may change the answer before it is written. */
  run(requestId: string, edit: (answer: object) => object): Promise<Reply>;
  error(error: AwsError, requestId: string): Reply;
}

export interface Services {
  readonly json: readonly JsonService[];
  readonly s3: S3Service;
  readonly accountId: string;
}

/** How calls, faults and this documentation name the services; `SERVICES[target prefix]`. */
const SERVICES: Readonly<Record<string, string>> = {
  AWSGlue: "Glue",
  ElasticMapReduce: "EMR",
  RedshiftData: "RedshiftData",
  AmazonAthena: "Athena",
  Logs_20140328: "Logs",
};
/** Where a request goes. The path is kept as it was sent: it is what was signed, and `..` in a key is the key's own. */
export interface Address {
  readonly path: string;
  readonly query: URLSearchParams;
}

export function addressOf(message: IncomingMessage): Address {
  const [path = "/", ...query] = (message.url ?? "/").split("?");
  return { path, query: new URLSearchParams(query.join("?")) };
}

const MOST_BODY = 16 * 1024 * 1024;

export async function routeOf(message: IncomingMessage, url: Address, services: Services): Promise<Route> {
  const target = message.headers["x-amz-target"];
  if (typeof target === "string") return jsonRoute(target, await readBody(message), services, message);
  if (isQueryRequest(message)) return stsRoute(await readBody(message), services);
  return s3Route(message, url, services);
}

function jsonRoute(target: string, body: string, services: Services, message: IncomingMessage): Route {
  const dot = target.lastIndexOf(".");
  const service = services.json.find(({ targetPrefix }) => targetPrefix === target.slice(0, dot));
  const operation = target.slice(dot + 1);
  const contentType = String(message.headers["content-type"] ?? "application/x-amz-json-1.1");
  return {
    operation: `${SERVICES[target.slice(0, dot)] ?? target.slice(0, dot)}.${operation}`,
    text: body,
    body,
    s3: false,
    async run(requestId, edit) {
      const shapes = service === undefined ? null : operationShapes(service.schemas, operation);
      const handler = service?.operations[operation];
      if (service === undefined || shapes === null || handler === undefined) {
        throw new AwsError("UnknownOperationException", `local-aws has no operation ${target}`);
      }
      const input = await readRequest(shapes.input, body);
      const answer = edit(await handler(input, { operation, requestId }));
      return { status: 200, headers: { "content-type": contentType }, body: writeAnswer(shapes.output, answer) };
    },
    error(error) {
      const document = { ...error.members, __type: error.code, message: error.message, Message: error.message };
      return {
        status: error.httpStatus,
        headers: { "content-type": contentType, "x-amzn-errortype": error.code },
        body: JSON.stringify(document),
      };
    },
  };
}

function stsRoute(body: string, services: Services): Route {
  const action = new URLSearchParams(body).get("Action") ?? "";
  return {
    operation: `STS.${action}`,
    text: body,
    body,
    s3: false,
    run: async (requestId) => stsReply(action, services.accountId, requestId),
    error: stsErrorReply,
  };
}

function s3Route(message: IncomingMessage, url: Address, services: Services): Route {
  const head = message.method === "HEAD";
  const request = s3Request(message, url.path, url.query);
  const operation = s3Operation(request);
  return {
    operation: `S3.${operation ?? "Unknown"}`,
    text: `${message.method} ${url.path}`,
    body: null,
    s3: true,
    run() {
      const handler = operation === null ? undefined : services.s3.operations[operation];
      if (handler === undefined) {
        throw new AwsError("NotImplemented", `local S3 has no ${message.method} ${url.path}`, 501);
      }
      return handler(request);
    },
    error: (error, requestId) => s3ErrorReply(error, requestId, head),
  };
}

async function readBody(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_BODY) throw new AwsError("RequestEntityTooLarge", "The request is larger than 16 MB", 413);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
