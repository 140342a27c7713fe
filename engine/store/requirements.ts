import type { Problem } from "../core/errors.ts";
import { openClient } from "./connect.ts";
import type { Store } from "./open.ts";

const OLDEST = 150_000;

/**
 * What this Postgres lacks (protocol rule 10); [] is the good case. DATABASE_UNSAFE is a warning that must stay visible: all
 * else forbids to start.
 */
export async function checkRequirements(store: Store): Promise<Problem[]> {
  const { rows } = await store.pool.query<{ version: string; number: number; fsync: string; commit: string }>(
    `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
            current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit`,
  );
  const [server] = rows;
  if (!server) throw new Error("Postgres told nothing about itself");
  const problems: Problem[] = [];
  if (server.number < OLDEST) {
    problems.push({ code: "DATABASE_TOO_OLD", message: `the server is Postgres ${server.version}` });
  }
  if (await sharesBackends(store)) {
    const message = "the address leads to a pooler in transaction mode: sessions share connections";
    problems.push({ code: "DATABASE_POOLER", message });
  }
  if (server.fsync !== "on" || server.commit === "off") {
    const message = `the server runs with fsync ${server.fsync} and synchronous_commit ${server.commit}`;
    problems.push({ code: "DATABASE_UNSAFE", message });
  }
  return problems;
}

/** Two sessions that are open at the same time have two backends, unless a pooler lends one to whoever has a transaction. */
async function sharesBackends(store: Store): Promise<boolean> {
  const first = await openClient(store.settings);
  try {
    const second = await openClient(store.settings);
    try {
      const backend = async (client: typeof first): Promise<number | undefined> =>
        (await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid")).rows[0]?.pid;
      const before = await backend(first);
      await second.query("BEGIN");
      const [other, after] = [await backend(second), await backend(first)];
      await second.query("ROLLBACK");
      return other === before || after !== before;
    } finally {
      await second.end();
    }
  } finally {
    await first.end();
  }
}
