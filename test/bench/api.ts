import { startApi, type ApiServer } from "../../engine/api/server.ts";
import { newRunId } from "../../engine/runtime/ids.ts";
import type { Store } from "../../engine/store/open.ts";
import { createToken } from "../../engine/store/tokens.ts";

/** The API on a port of its own, without a word, and the headers of somebody who may trigger. */
export async function benchApi(
  store: Store,
): Promise<{ readonly server: ApiServer; readonly headers: Readonly<Record<string, string>> }> {
  const { token } = await createToken(store, { role: "operator" });
  const silent = (): void => undefined;
  const server = await startApi({
    store,
    host: "127.0.0.1",
    port: 0,
    version: "bench",
    now: Date.now,
    newRunId,
    status: async () => ({ isReady: true }),
    log: { info: silent, warn: silent, error: silent },
  });
  return { server, headers: { authorization: `Bearer ${token}`, "content-type": "application/json" } };
}
