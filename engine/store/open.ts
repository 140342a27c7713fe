import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { clientConfig, explained, greet, schemaName, type ConnectionSettings } from "./connect.ts";
import type { Database } from "./tables.ts";

/** One fleet's database: a pool for short statements, and kysely over it. */
export interface Store {
  readonly settings: ConnectionSettings;
  readonly fleet: string;
  readonly pool: pg.Pool;
  readonly db: Kysely<Database>;
  close(): Promise<void>;
}

/**
 * Opens the pool and one connection, so that a wrong address is told at once. Does not look at the schema: see
 * `assertMigrated`. Throws NocturneError DATABASE_UNREACHABLE, DATABASE_REFUSED or CONFIG_INVALID (fleet).
 */
export async function openStore(options: {
  readonly databaseUrl: string;
  /** The Postgres schema that holds everything. */
  readonly fleet: string;
  readonly applicationName: string;
  readonly poolSize?: number;
}): Promise<Store> {
  const { poolSize = 6, ...settings } = options;
  schemaName(settings.fleet);
  let pool: pg.Pool;
  try {
    pool = new pg.Pool({
      ...clientConfig(settings),
      max: poolSize,
      // Looks once a second use now one connection and now two: the second one is not made anew each time.
      idleTimeoutMillis: 60_000,
      // The types say void, but the pool waits for the promise.
      onConnect: (client) => {
        // The pool listens to idle connections only: one that breaks in somebody's hands would end the process. What they
        // ask of it next fails.
        client.on("error", () => undefined);
        return greet(client, settings.fleet) as unknown as void;
      },
    });
    // An idle connection that breaks is replaced by the next query; without a listener it would end the process.
    pool.on("error", () => undefined);
    const client = await pool.connect();
    client.release();
  } catch (error) {
    throw explained(error, settings.databaseUrl);
  }
  // Closed by the pool: kysely would leave it open if it had never run a query.
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  return { settings, fleet: settings.fleet, pool, db, close: () => pool.end() };
}
