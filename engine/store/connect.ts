import pg from "pg";
import { NocturneError } from "../core/errors.ts";

/** How a connection of one fleet is made. */
export interface ConnectionSettings {
  readonly databaseUrl: string;
  /** The Postgres schema. */
  readonly fleet: string;
  readonly applicationName: string;
}

/** Types of Postgres by their numbers (pg_type.oid, the same in every server). */
const DATE = 1082;
const TIMESTAMPTZ = 1184;
const parseTimestamp = pg.types.getTypeParser(TIMESTAMPTZ) as (text: string) => Date | number;

/** Times come out as epoch milliseconds, dates, numerics and bigints as their text. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format: "text") => {
    if (oid === TIMESTAMPTZ) return (text: string) => Number(parseTimestamp(text));
    if (oid === DATE) return (text: string) => text;
    return pg.types.getTypeParser(oid, format) as (text: string) => unknown;
  }) as pg.CustomTypesConfig["getTypeParser"],
};

/** A statement that takes longer than this is ended: nothing here may hold a lock for long. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** After this a silent server is taken for gone: the statement timeout would have answered by then. */
const ANSWER_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 5_000;
/** A process that stops in the middle of a transaction must not keep the writer's row from its successor. */
const IDLE_IN_TRANSACTION_MS = 10_000;

export function clientConfig({ databaseUrl, applicationName }: ConnectionSettings): pg.ClientConfig {
  return {
    connectionString: databaseUrl,
    application_name: applicationName,
    connectionTimeoutMillis: 10_000,
    query_timeout: ANSWER_TIMEOUT_MS,
    keepAlive: true,
    types,
  };
}

/** What every connection says first. Not by startup options: session-mode poolers refuse those. */
export async function greet(client: pg.ClientBase, fleet: string): Promise<void> {
  await client.query(
    `SET search_path TO ${schemaName(fleet)}; SET timezone TO 'UTC'; SET client_min_messages TO warning;
     SET statement_timeout TO ${STATEMENT_TIMEOUT_MS};
     SET idle_in_transaction_session_timeout TO ${IDLE_IN_TRANSACTION_MS}`,
  );
}

/** The fleet's schema, quoted. Throws CONFIG_INVALID for what is no plain name. */
export function schemaName(fleet: string): string {
  if (/^(?!pg_)[a-z_][a-z0-9_]{0,62}$/.test(fleet)) return `"${fleet}"`;
  const message = `fleet ${JSON.stringify(fleet)} is no schema name: a-z, 0-9 and _, at most 63, not beginning with pg_`;
  throw new NocturneError({ code: "CONFIG_INVALID", message });
}

/** A connection of its own, outside the pool. Its errors between queries surface at the next query. */
export async function openClient(settings: ConnectionSettings, more: pg.ClientConfig = {}): Promise<pg.Client> {
  try {
    const client = new pg.Client({ ...clientConfig(settings), ...more });
    client.on("error", () => undefined);
    await client.connect();
    await greet(client, settings.fleet);
    return client;
  } catch (error) {
    throw explained(error, settings.databaseUrl);
  }
}

/** Why a connection could not be made, in one sentence with host and port and never the password. */
export function explained(error: unknown, databaseUrl: string): unknown {
  if (error instanceof NocturneError) return error;
  const { code = "", message } = error as { code?: string; message: string };
  const refused = /^(28|3D|42501)/.test(code) || /password must be a string/i.test(message);
  const where = place(databaseUrl);
  const cause = { cause: error };
  if (refused) {
    const said = /^(28|3D|42501)/.test(code) ? message : "the server wants a password and none was given";
    return new NocturneError({ code: "DATABASE_REFUSED", message: `Postgres at ${where} refused: ${said}` }, cause);
  }
  // Many addresses tried: the reasons are in an AggregateError without a message of its own.
  const why = message || code || "no answer";
  return new NocturneError({ code: "DATABASE_UNREACHABLE", message: `no Postgres at ${where}: ${why}` }, cause);
}

function place(databaseUrl: string): string {
  if (!URL.canParse(databaseUrl)) return "an address that is no URL";
  const { hostname, port, pathname } = new URL(databaseUrl);
  return `${hostname || "localhost"}:${port || "5432"}${pathname}`;
}
