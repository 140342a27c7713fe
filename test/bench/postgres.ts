import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "../../engine/local/embedded-postgres.ts";
import { makeMonthsAhead } from "../../engine/store/archive/months.ts";
import { migrate } from "../../engine/store/migrate.ts";
import { openStore, type Store } from "../../engine/store/open.ts";
import type { Telling } from "./figures.ts";

/** What decides how fast a commit is and how much memory the server has. */
const SETTINGS = ["server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers"];

/**
 * Gives `body` a fleet of its own on a new embedded Postgres with its settings as they come, and takes both away
 * afterwards. NOCTURNE_BENCH_DATABASE_URL: on that server instead, and only the fleet is taken away.
 */
export async function withStore<T>(tell: Telling, body: (store: Store) => Promise<T>): Promise<T> {
  const home = mkdtempSync(join(tmpdir(), "nocturne-bench-"));
  const given = process.env["NOCTURNE_BENCH_DATABASE_URL"];
  const postgres = given === undefined ? await startPostgres({ home }) : null;
  try {
    const fleet = `bench_${process.pid}`;
    const store = await openStore({ databaseUrl: given ?? postgres?.url ?? "", fleet, applicationName: "bench" });
    try {
      await migrate(store);
      await makeMonthsAhead(store);
      for (const name of SETTINGS) tell.setting(name, await show(store, name));
      return await body(store);
    } finally {
      if (postgres === null) await store.pool.query(`DROP SCHEMA ${fleet} CASCADE`);
      await store.close();
    }
  } finally {
    await postgres?.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

async function show(store: Store, name: string): Promise<string> {
  const { rows } = await store.pool.query<Record<string, string>>(`SHOW ${name}`);
  return Object.values(rows[0] ?? {})[0] ?? "";
}
