import { createHash, randomBytes } from "node:crypto";
import type { Instant } from "../core/json.ts";
import type { Store } from "./open.ts";

/** Each may do what the one before it may: viewer reads, operator also triggers and pauses, admin does everything. */
export const TOKEN_ROLES = ["viewer", "operator", "admin"] as const;
export type TokenRole = (typeof TOKEN_ROLES)[number];

/** An API token as it is kept: its secret is not there, only its SHA-256. Times are Postgres's own. */
export interface ApiToken {
  readonly id: string;
  readonly role: TokenRole;
  /** Globs of the DAG ids it may see and act on; ["*"]: all. */
  readonly dags: readonly string[];
  readonly note: string;
  readonly createdAt: Instant;
  /** null: never. */
  readonly expiresAt: Instant | null;
  readonly revokedAt: Instant | null;
  /** To the minute. */
  readonly lastUsedAt: Instant | null;
}

/** What a secret is worth now. */
export type TokenVerdict =
  { readonly kind: "valid"; readonly token: ApiToken } | { readonly kind: "unknown" | "revoked" | "expired" };

/** Who does something, and from which machine or address: as the audit log says it. */
export interface Doer {
  readonly by: string;
  readonly from: string | null;
}

const UNKNOWN: Doer = { by: "unknown", from: null };

const COLUMNS = `token_id AS id, role, dags, note, created_at AS "createdAt", expires_at AS "expiresAt",
  revoked_at AS "revokedAt", last_used_at AS "lastUsedAt"`;

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Makes a token. Its secret is in the answer and nowhere else: it cannot be shown again. */
export async function createToken(
  store: Store,
  wish: {
    readonly role: TokenRole;
    readonly dags?: readonly string[];
    readonly expiresAt?: Instant | null;
    readonly note?: string;
    readonly by?: Doer;
  },
): Promise<{
  readonly token: string;
  readonly id: string;
  readonly role: TokenRole;
  readonly expiresAt: Instant | null;
}> {
  const { role, dags = ["*"], expiresAt = null, note = "", by = UNKNOWN } = wish;
  const token = `nct_${randomBytes(32).toString("base64url")}`;
  const id = `tok_${randomBytes(6).toString("hex")}`;
  await store.pool.query(
    `WITH made AS (
       INSERT INTO api_token (token_id, token_sha256, role, dags, expires_at, note)
       VALUES ($1, $2, $3, $4, instant($5), $6)
     )
     INSERT INTO audit (at, action, by, from_where, details, result)
     VALUES (clock_timestamp(), 'create_token', $7, $8,
             jsonb_build_object('token', $1::text, 'role', $3::text, 'dags', $4::text[], 'note', $6::text), 'done')`,
    [id, sha256(token), role, dags, expiresAt, note, by.by, by.from],
  );
  return { token, id, role, expiresAt };
}

/** Every token, the newest first; revoked and expired ones too. */
export async function listTokens(store: Store): Promise<ApiToken[]> {
  const { rows } = await store.pool.query<ApiToken>(
    `SELECT ${COLUMNS} FROM api_token ORDER BY created_at DESC, token_id`,
  );
  return rows;
}

/** Ends a token's life from the next request on. false: there is none of that id. Safe to repeat. */
export async function revokeToken(store: Store, id: string, by: Doer = UNKNOWN): Promise<boolean> {
  const { rowCount } = await store.pool.query(
    `WITH ended AS (
       UPDATE api_token SET revoked_at = coalesce(revoked_at, clock_timestamp()) WHERE token_id = $1 RETURNING 1
     )
     INSERT INTO audit (at, action, by, from_where, details, result)
     SELECT clock_timestamp(), 'revoke_token', $2, $3, jsonb_build_object('token', $1::text), 'done' FROM ended`,
    [id, by.by, by.from],
  );
  return rowCount === 1;
}

const FIND = `SELECT ${COLUMNS}, coalesce(expires_at <= clock_timestamp(), false) AS "isExpired",
    coalesce(last_used_at < clock_timestamp() - interval '1 minute', true) AS "isUseStale"
  FROM api_token WHERE token_sha256 = $1`;

/**
 * What the secret is worth. It is looked up by its hash, so the time it takes tells nothing about any other secret; nothing is
 * cached, so a revoked token is refused at once.
 */
export async function findToken(store: Store, secret: string): Promise<TokenVerdict> {
  const { rows } = await store.pool.query<ApiToken & { isExpired: boolean; isUseStale: boolean }>({
    name: "find_token",
    text: FIND,
    values: [sha256(secret)],
  });
  const [row] = rows;
  if (!row) return { kind: "unknown" };
  const { isExpired, isUseStale, ...token } = row;
  if (token.revokedAt !== null) return { kind: "revoked" };
  if (isExpired) return { kind: "expired" };
  if (isUseStale) noteUse(store, token.id);
  return { kind: "valid", token };
}

const NOTE_USE = `UPDATE api_token SET last_used_at = clock_timestamp()
  WHERE token_id = $1 AND coalesce(last_used_at < clock_timestamp() - interval '1 minute', true)`;

const beingNoted = new Set<string>();

/** Beside the request, which need not wait for it; lost, the next request does it. */
function noteUse(store: Store, id: string): void {
  if (beingNoted.has(id)) return;
  beingNoted.add(id);
  store.pool
    .query(NOTE_USE, [id])
    .catch(() => undefined)
    .finally(() => beingNoted.delete(id));
}
