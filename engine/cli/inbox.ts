import { setTimeout as delay } from "node:timers/promises";
import { NocturneError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import type { CommandBody } from "../core/commands.ts";
import { commandResult, enqueue, withdraw } from "../store/inbox.ts";
import type { Store } from "../store/open.ts";
import { doer } from "./doer.ts";
import type { Session } from "./session.ts";

const LOOK_MS = 100;

/**
 * Puts a wish into the inbox and waits for what the writer, whoever it is, answers. Throws what it refused. Ctrl-C takes the
 * wish back; when the writer has it already, its answer is waited for (protocol rule 30).
 */
export async function carriedOut(session: Session, store: Store, body: CommandBody): Promise<JsonObject> {
  const commandId = await enqueue(store, { ...body, ...doer() });
  let isTakenBack = false;
  for (;;) {
    const result = await commandResult(store, commandId);
    if (result?.ok === false) throw new NocturneError({ code: result.code, message: result.message });
    if (result !== null) return result.value;
    if (session.interrupted.aborted && !isTakenBack) {
      if (await withdraw(store, commandId)) session.interrupted.throwIfAborted();
      isTakenBack = true;
    }
    await delay(LOOK_MS);
  }
}
