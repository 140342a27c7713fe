import type { Json } from "../../engine/core/json.ts";
import { failed, succeeded, tooLarge } from "../in-process/output.ts";
import type { Outcome } from "../in-process/works.ts";
import { RedirectRefused, type Answer } from "./exchange.ts";
import type { HttpRequestParams } from "./params.ts";

/** Headers that a later task may want; the rest (cookies among them) are left out. */
const KEPT = ["content-type", "content-length", "etag", "last-modified", "location", "x-request-id", "link", "date"];
const EXCERPT = 500;

/** Codes of Node and undici for a connection that never came about: certainly nothing was sent. */
const NOT_CONNECTED: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

export function isExpected({ expect_status: expected }: HttpRequestParams, status: number): boolean {
  if (expected === undefined) return status >= 200 && status < 300;
  return typeof expected === "number" ? status === expected : expected.includes(status);
}

/** What the task leaves behind of an answer that was expected. */
export function outputOf({ status, headers, body, isCut }: Answer): Outcome {
  if (isCut) return tooLarge("the answer's body");
  const kept = Object.fromEntries(KEPT.flatMap((name) => (headers.has(name) ? [[name, headers.get(name) ?? ""]] : [])));
  return succeeded({ status, headers: kept, body: bodyOf(headers, body) }, "the answer");
}

function bodyOf(headers: Headers, body: Buffer): Json {
  const text = body.toString("utf8");
  if (text === "") return null;
  if (!/^application\/([\w.+-]+\+)?json\b/i.test(headers.get("content-type") ?? "")) return text;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/**
 * An answer that was not expected. A 4xx is certain and comes again; a 5xx may have done its work, so only what may be sent
 * twice is tried again (protocol rule 18).
 */
export function unexpected({ status, body }: Answer, isIdempotent: boolean): Outcome {
  const said = body.toString("utf8", 0, EXCERPT).replace(/\s+/g, " ").trim();
  const message = `status ${status}${said === "" ? "" : `: ${said}`}`;
  if (status === 401 || status === 403) return failed("denied", "HTTP_STATUS", message);
  if (status === 408 || status === 429) return failed("retryable", "HTTP_STATUS", message);
  if (status < 500) return failed("permanent", "HTTP_STATUS", message);
  return isIdempotent
    ? failed("retryable", "HTTP_STATUS", message)
    : failed("permanent", "HTTP_STATUS", `${message}; ${ONCE}`);
}

/** No answer at all. */
export function unanswered(error: unknown, isIdempotent: boolean, timedOut: string | null): Outcome {
  if (error instanceof RedirectRefused) return failed("permanent", "HTTP_STATUS", error.message);
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const { code = "", message = String(cause) } = cause as NodeJS.ErrnoException;
  const said = timedOut ?? (message === "" ? code : message);
  if (isIdempotent || NOT_CONNECTED.has(code)) return failed("retryable", "HTTP_UNREACHABLE", said);
  return failed("permanent", "HTTP_UNREACHABLE", `${said}; ${ONCE}`);
}

const ONCE = "the request may have done its work, so it is not sent again without `idempotent: true`";

/** How long a server that is busy asks to be left alone; null: it does not say. */
export function retryAfterMs(headers: Headers, now: number): number | null {
  const said = headers.get("retry-after")?.trim() ?? "";
  if (/^\d+$/.test(said)) return Number(said) * 1_000;
  const at = Date.parse(said);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}
