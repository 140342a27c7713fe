import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import type { ErrorCode } from "../core/errors.ts";
import { isDatabaseAway } from "../store/read-models/health.ts";
import type { ApiLog } from "./options.ts";

/** One field of a request that will not do, as Airflow says it. `loc` begins with body, query, path or header. */
export interface FieldMistake {
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly type: string;
}

/** An answer that is no success; thrown by hooks, validators and routes. */
export class ApiError extends Error {
  readonly statusCode: number;
  readonly code: ErrorCode;
  readonly detail: string | readonly FieldMistake[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    statusCode: number,
    code: ErrorCode,
    detail: string | readonly FieldMistake[],
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(typeof detail === "string" ? detail : "the request has mistakes");
    this.statusCode = statusCode;
    this.code = code;
    this.detail = detail;
    this.headers = headers;
  }
}

export const invalid = (mistakes: readonly FieldMistake[]): ApiError => new ApiError(422, "REQUEST_INVALID", mistakes);

export const unavailable = (detail: string): ApiError =>
  new ApiError(503, "UNAVAILABLE", detail, { "retry-after": "2" });

const AWAY =
  "the database does not answer; whether anything was done is not known: send the request again, a trigger with its Idempotency-Key";

/** What each of the framework's own refusals means to who sent the request. */
const REFUSALS: Readonly<Record<string, readonly [status: number, code: ErrorCode, detail: string]>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    415,
    "REQUEST_INVALID",
    "the body must be JSON: send Content-Type: application/json",
  ],
  FST_ERR_CTP_EMPTY_TYPE: [415, "REQUEST_INVALID", "the body must be JSON: send Content-Type: application/json"],
  FST_ERR_CTP_BODY_TOO_LARGE: [413, "REQUEST_INVALID", "the body is larger than 256 KiB"],
  FST_ERR_CTP_EMPTY_JSON_BODY: [400, "REQUEST_INVALID", "the body is empty; expected a JSON object"],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [400, "REQUEST_INVALID", "the body is not as long as Content-Length says"],
  FST_ERR_BAD_URL: [400, "REQUEST_INVALID", "the path is not a valid URL"],
  FST_ERR_MAX_PARAM_LENGTH: [414, "REQUEST_INVALID", "a part of the path is too long"],
  FST_ERR_HANDLER_TIMEOUT: [503, "UNAVAILABLE", AWAY],
};

/** What a thrown thing is to be answered as. Never with a stack, never with SQL. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const { code, statusCode = 500, message } = error as FastifyError;
  const refusal = typeof code === "string" ? REFUSALS[code] : undefined;
  if (refusal?.[0] === 503) return unavailable(refusal[2]);
  if (refusal) return new ApiError(...refusal);
  if (isDatabaseAway(error)) return unavailable(AWAY);
  if (statusCode >= 400 && statusCode < 500) return new ApiError(statusCode, "REQUEST_INVALID", message);
  return new ApiError(500, "INTERNAL", "this is a bug in Nocturne; its log has more under the request's id");
}

/** Sends it, and writes to the log what the caller must not see. */
export function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply, log: ApiLog): void {
  const { statusCode, code, detail, headers } = toApiError(error);
  if (statusCode >= 500) log.error({ err: error, requestId: request.id }, `${request.method} failed with ${code}`);
  void reply
    .code(statusCode)
    .headers(headers)
    .type("application/json; charset=utf-8")
    .serializer(JSON.stringify)
    .send({ detail, code, request_id: request.id });
}
