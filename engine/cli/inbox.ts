import { setTimeout as delay } from "node:timers/promises";
import { NocturneError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import type { CommandBody } from "../core/records.ts";
import { commandResult, enqueue } from "../store/inbox.ts";
import type { Store } from "../store/open.ts";
import type { Session } from "./session.ts";

const LOOK_MS = 100;

/** Puts a wish into the inbox and waits for what the writer, whoever it is, answers. Throws what it refused. */
export async function carriedOut(session: Session, store: Store, body: CommandBody): Promise<JsonObject> {
  const commandId = await enqueue(store, body);
  for (;;) {
    const result = await commandResult(store, commandId);
    if (result?.ok === false) throw new NocturneError({ code: result.code, message: result.message });
    if (result !== null) return result.value;
    await delay(LOOK_MS, undefined, { signal: session.interrupted });
  }
}
