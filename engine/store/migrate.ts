import {
  Kysely,
  Migrator,
  PostgresDialect,
  sql,
  type DatabaseIntrospector,
  type Migration,
  type TableMetadata,
} from "kysely";
import pg from "pg";
import { NocturneError } from "../core/errors.ts";
import { clientConfig, schemaName } from "./connect.ts";
import type { Store } from "./open.ts";
import { migrationTexts } from "./sql-files.ts";

/** Migrations must never queue for a table behind a long transaction, with everybody else queueing behind them. */
const LOCK_TIMEOUT_MS = 2_000;

/**
 * Brings the fleet's schema up to date, making it first if need be. Any number of processes may call it at once; a failing
 * migration leaves the schema as it was. Answers the names of those applied now. Throws NocturneError DATABASE_NEWER.
 */
export async function migrate(store: Store): Promise<readonly string[]> {
  const applied = await refuseNewer(store);
  if ([...migrationTexts().keys()].every((name) => applied.has(name))) return [];
  const pool = new pg.Pool({
    ...clientConfig(store.settings),
    max: 1,
    idleTimeoutMillis: 0,
    // The types say void, but the pool waits for the promise. One that replaces a broken connection needs all of it as well:
    // without the lock and the search path its migrations would go anywhere.
    onConnect: (client) => {
      // The pool listens to idle connections only: one that breaks in the migrator's hands would end the process.
      client.on("error", () => undefined);
      return prepareConnection(client, store.fleet) as unknown as void;
    },
  });
  pool.on("error", () => undefined);
  const db = new Kysely<unknown>({ dialect: new FleetDialect(store.fleet, { pool }) });
  try {
    const migrator = new Migrator({
      db,
      provider: { getMigrations: async () => Object.fromEntries([...migrationTexts()].map(toMigration)) },
      migrationTableSchema: store.fleet,
    });
    const { error, results } = await migrator.migrateToLatest();
    if (error !== undefined) throw error as Error;
    return (results ?? []).map((result) => result.migrationName);
  } finally {
    await db.destroy();
  }
}

/**
 * Looks at the fleet's own tables alone. kysely would look at every table of the database, and fail where another fleet makes
 * or drops one at that moment: fleets on one server do not touch each other (protocol rule 1).
 */
class FleetDialect extends PostgresDialect {
  private readonly fleet: string;

  constructor(fleet: string, config: ConstructorParameters<typeof PostgresDialect>[0]) {
    super(config);
    this.fleet = fleet;
  }

  override createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    const { fleet: schema } = this;
    const getTables = async (): Promise<TableMetadata[]> => {
      const { rows } = await sql<{ name: string }>`SELECT relname AS name FROM pg_class
        WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = ${schema}) AND relkind = 'r'`.execute(db);
      return rows.map(({ name }) => ({ name, schema, isView: false, columns: [] }));
    };
    return {
      getTables,
      getSchemas: async () => [{ name: schema }],
      getMetadata: async () => ({ tables: await getTables() }),
    };
  }
}

/** The pool's one connection: it holds the fleet's advisory lock until it is closed. */
async function prepareConnection(client: pg.ClientBase, fleet: string): Promise<void> {
  await client.query("SET statement_timeout = 0");
  await client.query("SELECT pg_advisory_lock(hashtextextended($1, 0))", [`nocturne.migrate.${fleet}`]);
  await client.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}; SET timezone = 'UTC'`);
  const found = await client.query("SELECT FROM pg_namespace WHERE nspname = $1", [fleet]);
  if (found.rowCount === 0) await client.query(`CREATE SCHEMA ${schemaName(fleet)}`);
  await client.query(`SET search_path TO ${schemaName(fleet)}`);
}

const toMigration = ([name, text]: readonly [string, string]): [string, Migration] => [
  name,
  { up: async (db) => void (await sql.raw(text).execute(db)) },
];

/** Throws NocturneError DATABASE_NOT_MIGRATED or DATABASE_NEWER unless the schema is exactly what this program knows. */
export async function assertMigrated(store: Store): Promise<void> {
  const applied = await refuseNewer(store);
  const missing = [...migrationTexts().keys()].filter((name) => !applied.has(name));
  if (missing.length === 0) return;
  const message =
    applied.size === 0
      ? `the database has no tables for fleet ${store.fleet} yet`
      : `the tables of fleet ${store.fleet} lack ${missing.join(", ")}`;
  throw new NocturneError({ code: "DATABASE_NOT_MIGRATED", message });
}

async function refuseNewer(store: Store): Promise<ReadonlySet<string>> {
  const table = `${schemaName(store.fleet)}.kysely_migration`;
  const there = await store.pool.query<{ found: string | null }>("SELECT to_regclass($1)::text AS found", [table]);
  if (!there.rows[0]?.found) return new Set();
  const { rows } = await store.pool.query<{ name: string }>(`SELECT name FROM ${table}`);
  const known = migrationTexts();
  const unknown = rows.map((row) => row.name).filter((name) => !known.has(name));
  if (unknown.length === 0) return new Set(rows.map((row) => row.name));
  const message = `fleet ${store.fleet} has migrations that this version does not know: ${unknown.join(", ")}`;
  throw new NocturneError({ code: "DATABASE_NEWER", message });
}

/** Removes the fleet with everything in it. For the demo's own database and for tests. */
export async function dropFleet(store: Store): Promise<void> {
  await store.pool.query(`DROP SCHEMA IF EXISTS ${schemaName(store.fleet)} CASCADE`);
}
