import { setTimeout as delay } from "node:timers/promises";
import type { ErrorCode } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import type { CommandBody, CommandResult } from "../core/commands.ts";
import { commandResult, enqueue, withdraw } from "../store/inbox.ts";
import { storeHealth } from "../store/read-models/health.ts";
import type { Store } from "../store/open.ts";
import { MOST_PENDING } from "../store/trigger.ts";
import { ApiError, unavailable } from "./answer-error.ts";

const LOOK_MS = 20;
/** How long a command waits for the writer. */
export const COMMAND_MS = 5_000;

const STATUSES: Partial<Record<ErrorCode, number>> = {
  DAG_NOT_FOUND: 404,
  BACKFILL_NOT_FOUND: 404,
  RUN_NOT_FOUND: 404,
  TASK_NOT_FOUND: 404,
  APPROVAL_NOT_FOUND: 404,
  APPROVAL_DECIDED: 409,
  ASSET_NOT_FOUND: 404,
  VARIABLE_NOT_FOUND: 404,
  RUN_ARCHIVED: 409,
  RUN_QUARANTINED: 409,
  ACTION_INVALID: 422,
  ACTION_REFUSED: 409,
  NOTHING_MATCHES: 409,
  BACKFILL_INVALID: 422,
  BACKFILL_ACTIVE: 409,
  BACKFILL_ENDED: 409,
  BACKFILL_OVER_BUDGET: 409,
};

/** What the writer refused, as an answer. */
export const refusalOf = ({ code, message }: { readonly code: ErrorCode; readonly message: string }): ApiError =>
  new ApiError(STATUSES[code] ?? 500, code, message);

export const tooMany = (): ApiError =>
  new ApiError(429, "TOO_MANY_REQUESTS", `${MOST_PENDING} wishes wait for the writer already`, { "retry-after": "10" });

/** Hands a wish to the writer and waits for its result. Throws what it refused, 429, or 503 where nothing was done. */
export async function carryOut(store: Store, wish: CommandBody, waitMs: number): Promise<JsonObject> {
  const { pendingCommands } = await storeHealth(store);
  if (pendingCommands >= MOST_PENDING) throw tooMany();
  const result = await resultOf(store, await enqueue(store, wish), waitMs);
  if (result === null) throw unavailable("nobody carried it out in time, and nothing was done: no writer lives");
  if (!result.ok) throw refusalOf(result);
  return result.value;
}

/** The command's result. null: it was withdrawn in time, and nothing of it was or will be done (protocol rule 30). */
async function resultOf(store: Store, id: string, waitMs: number): Promise<CommandResult | null> {
  const until = performance.now() + waitMs;
  while (performance.now() < until) {
    const result = await commandResult(store, id);
    if (result) return result;
    await delay(LOOK_MS);
  }
  if (await withdraw(store, id)) return null;
  for (;;) {
    const result = await commandResult(store, id);
    if (result) return result;
    await delay(LOOK_MS);
  }
}
