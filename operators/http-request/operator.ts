import { setTimeout as delay } from "node:timers/promises";
import { parseDuration } from "../../engine/core/duration.ts";
import { inProcessOperator, type Running } from "../in-process/operator.ts";
import { failed } from "../in-process/output.ts";
import type { Outcome } from "../in-process/works.ts";
import { isExpected, outputOf, retryAfterMs, unanswered, unexpected } from "./answers.ts";
import { exchange, type Answer, type Sent } from "./exchange.ts";
import { httpRequestFacts, isIdempotent, type HttpRequestParams } from "./params.ts";

/** A request that waits for its answer takes no processor: many may. */
const PLACES = 64;
/** The first wait for a server that is busy and does not say how long; doubles to a minute. */
const BUSY_MS = 1_000;
const BUSY_MOST_MS = 60_000;
/** A server that stays busy for longer than this fails the task. */
const BUSY_IN_ALL_MS = 15 * 60_000;

export const httpRequest = inProcessOperator<HttpRequestParams, HttpRequestParams>({
  facts: httpRequestFacts,
  places: () => PLACES,
  isIdempotent,
  prepare: async (params) => ({ ready: params }),
  run,
});

/** Sends until the server takes it on: to be told to wait is no failure, and certainly nothing was done. */
async function run({ params, context, stop, log }: Running<HttpRequestParams>): Promise<Outcome> {
  const sent = requestOf(params, context.launchKey);
  const { origin, pathname } = new URL(params.url);
  const until = performance.now() + BUSY_IN_ALL_MS;
  for (let busy = 0; ; busy++) {
    const answer = await once(params, sent, stop);
    if ("kind" in answer) {
      if (answer.kind === "failed") log.add(`${sent.method} ${origin}${pathname}: ${answer.failure.message}`);
      return answer;
    }
    log.add(`${sent.method} ${origin}${pathname}: status ${answer.status}`);
    if (isExpected(params, answer.status)) return outputOf(answer);
    const waitMs = retryAfterMs(answer.headers, Date.now()) ?? Math.min(BUSY_MOST_MS, BUSY_MS * 2 ** busy);
    if (answer.status !== 429 || performance.now() + waitMs > until) return unexpected(answer, isIdempotent(params));
    log.add(`waits ${Math.ceil(waitMs / 1_000)} s, as asked by the server`);
    await delay(waitMs, undefined, { signal: stop, ref: false }).catch(() => undefined);
    if (stop.aborted) return CANCELLED;
  }
}

async function once(params: HttpRequestParams, sent: Sent, stop: AbortSignal): Promise<Answer | Outcome> {
  const timeout = AbortSignal.timeout(parseDuration(params.timeout) ?? 0);
  try {
    return await exchange(sent, AbortSignal.any([stop, timeout]));
  } catch (error) {
    if (stop.aborted) return CANCELLED;
    return unanswered(error, isIdempotent(params), timeout.aborted ? `no answer within ${params.timeout}` : null);
  }
}

const CANCELLED = failed(
  "permanent",
  "CANCELLED",
  "the request was given up; whether the server did its work is unknown",
);

/** The same launch always sends the same key, so that a server which knows such keys does a repeat's work once. */
function requestOf({ url, method, headers = {}, json, text }: HttpRequestParams, launchKey: string): Sent {
  const said = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  const own = (name: string, value: string, applies = true): Record<string, string> =>
    applies && !said.has(name.toLowerCase()) ? { [name]: value } : {};
  return {
    url,
    method,
    headers: {
      ...own("User-Agent", "nocturne"),
      ...own("Content-Type", "application/json", json !== undefined),
      ...own("Idempotency-Key", launchKey, method === "POST"),
      ...headers,
    },
    body: json === undefined ? (text ?? null) : JSON.stringify(json),
  };
}
