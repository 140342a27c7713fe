import { randomUUID } from "node:crypto";
import { afterAll, beforeAll } from "vitest";
import type { FlushBatch } from "../../engine/core/flush-batch.ts";
import { flush, openFlushSession, type FlushOutcome, type FlushSession } from "../../engine/store/flush.ts";
import { openStore, type Store } from "../../engine/store/open.ts";
import { takeWriter, type Fence } from "../../engine/store/writer-row.ts";
import { testDatabase, type TestDatabase } from "../setup/postgres.ts";
import { EMPTY } from "./batches.ts";

/** Opens a store on a database of the test file's own; its fields are set before the tests run. */
export function storeOfThisFile(): { readonly store: Store; readonly url: string } {
  let database: TestDatabase;
  let store: Store;
  beforeAll(async () => {
    database = await testDatabase();
    store = await openStore({ databaseUrl: database.url, fleet: "nocturne", applicationName: "tests" });
  });
  afterAll(async () => {
    await store.close();
    await database.drop();
  });
  return {
    get store() {
      return store;
    },
    get url() {
      return database.url;
    },
  };
}

/** A process that holds the writer's row, and writes. */
export class Writer {
  readonly fence: Fence;
  readonly session: FlushSession;

  private constructor(fence: Fence, session: FlushSession) {
    this.fence = fence;
    this.session = session;
  }

  /** Takes the row whoever holds it, as if that one's life had ended. */
  static async take(store: Store): Promise<Writer> {
    await expire(store);
    const owner = randomUUID();
    const taken = await takeWriter(store, { owner, ttlMs: 60_000, protocol: 1 });
    if (taken.kind !== "taken") throw new Error(`the row is ${taken.kind}`);
    return new Writer({ epoch: taken.epoch, owner }, await openFlushSession(store));
  }

  flush(batch: Partial<FlushBatch>): Promise<FlushOutcome> {
    return flush(this.session, this.fence, { ...EMPTY, ...batch });
  }

  /** Flushes what the test needs to be there. */
  async write(batch: Partial<FlushBatch>): Promise<void> {
    const outcome = await this.flush(batch);
    if (outcome.kind !== "committed") throw new Error(JSON.stringify(outcome));
  }

  close(): Promise<void> {
    return this.session.close();
  }
}

/** Ends the present holder's life, as time would. */
export async function expire(store: Store): Promise<void> {
  await store.pool.query("UPDATE writer SET expires_at = clock_timestamp() - interval '1 second'");
}

/** Whether a session waits for a lock that another one holds. */
export async function somebodyWaits(store: Store, query: RegExp): Promise<boolean> {
  const { rows } = await store.pool.query<{ query: string }>(
    `SELECT query FROM pg_stat_activity
     WHERE wait_event_type = 'Lock' AND datname = current_database() AND pid <> pg_backend_pid()`,
  );
  return rows.some((row) => query.test(row.query));
}
