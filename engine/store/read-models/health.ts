import type { Instant } from "../../core/json.ts";
import type { Store } from "../open.ts";

/** How the parts stand that only the database knows of. */
export interface StoreHealth {
  readonly writer: { readonly isHeld: boolean; readonly expiresAt: Instant | null };
  readonly pendingCommands: number;
  readonly mail: {
    readonly pending: number;
    /** The code of why the oldest mail that waits could not be sent; null: nothing is known against it. Anybody may read it: what a server said names hosts and addresses. */
    readonly trouble: string | null;
  };
  /** DAG files that cannot be read just now. */
  readonly importErrors: number;
}

const HEALTH = `SELECT
    (SELECT jsonb_build_object(
       'isHeld', owner IS NOT NULL AND expires_at > clock_timestamp(),
       'expiresAt', CASE WHEN isfinite(expires_at) THEN floor(extract(epoch FROM expires_at) * 1000) END
     ) FROM writer) AS writer,
    (SELECT count(*)::int FROM command WHERE state = 'pending') AS "pendingCommands",
    jsonb_build_object(
      'pending', (SELECT count(*) FROM outbox WHERE state = 'pending'),
      'trouble', (SELECT last_code FROM outbox
                  WHERE state = 'pending' AND last_code IS NOT NULL ORDER BY created_at LIMIT 1)
    ) AS mail,
    (SELECT count(*)::int FROM import_error) AS "importErrors"`;

/** One look at everything. */
export async function storeHealth(store: Store): Promise<StoreHealth> {
  const { rows } = await store.pool.query<StoreHealth>(HEALTH);
  const [health] = rows;
  if (!health) throw new Error("one row was expected");
  return health;
}

/** Of a socket, and of Postgres: connection exceptions, out of resources, shutting down or starting up, a silent disk. */
const AWAY = /^(ECONN|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|08|53|57P|57014|58|DATABASE_)/;
const AWAY_MESSAGE =
  /^(Connection terminated|timeout exceeded when|Query read timeout|Client (has encountered|was closed))/;

/** Whether an error says that the database cannot be asked just now, rather than that the question was wrong. */
export function isDatabaseAway(error: unknown): boolean {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  if (typeof code === "string" && AWAY.test(code)) return true;
  return typeof message === "string" && AWAY_MESSAGE.test(message);
}
