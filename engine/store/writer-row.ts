import type { Instant } from "../core/json.ts";
import type { Store } from "./open.ts";
import { statementText } from "./sql-files.ts";

/** What a flush must prove: the writer's row still names us. */
export interface Fence {
  readonly epoch: string;
  readonly owner: string;
}

/** One life of the row, from one renewal to the next. */
export interface Life {
  readonly epoch: string;
  readonly expiresAt: Instant;
}

export type TakeOutcome =
  /** `now` is Postgres's clock when the row became ours. */
  | { readonly kind: "taken"; readonly epoch: string; readonly now: Instant }
  | ({ readonly kind: "held"; readonly owner: string } & Life)
  /** The database is written by a later protocol than ours (rule 3). */
  | { readonly kind: "newer"; readonly protocol: number };

export interface WriterStatus {
  readonly epoch: string;
  /** null: nobody holds the row, or its holder gave it up. */
  readonly owner: string | null;
  readonly expiresAt: Instant | null;
  readonly protocol: number;
  /** Whether its holder is alive by Postgres's clock. */
  readonly isHeld: boolean;
}

const TAKE = statementText("writer_take");
const RENEW = statementText("writer_renew");

interface TakeWish {
  readonly owner: string;
  readonly ttlMs: number;
  readonly protocol: number;
  /** A life that was not renewed in time by the caller's own clock: it is over, although Postgres's clock was set back. */
  readonly unrenewed?: Life | null;
}

/**
 * Takes the writer's row when it is free, expired or already `owner`'s (after an unacknowledged flush, rule 5), in a
 * transaction of its own that waits for a flush in progress (rule 2). A row that somebody else holds is only read.
 */
export async function takeWriter(store: Store, wish: TakeWish): Promise<TakeOutcome> {
  const before = await writerStatus(store);
  const refusal = refuse(before, wish);
  if (refusal) return refusal;
  const client = await store.pool.connect();
  let failure: Error | undefined;
  try {
    await client.query("BEGIN ISOLATION LEVEL READ COMMITTED");
    // Waits here, so that the clock is read after the wait: the new life is a whole one.
    await client.query("SELECT FROM writer FOR NO KEY UPDATE");
    const { owner, ttlMs, protocol, unrenewed } = wish;
    const values = [owner, ttlMs, protocol, unrenewed?.epoch ?? null, unrenewed?.expiresAt ?? null];
    const { rows } = await client.query<{ epoch: string; now: number }>(TAKE, values);
    await client.query("COMMIT");
    const [taken] = rows;
    if (taken) return { kind: "taken", ...taken };
  } catch (error) {
    failure = error as Error;
    throw error;
  } finally {
    client.release(failure);
  }
  const after = await writerStatus(store);
  return refuse(after, wish) ?? heldAs(after);
}

function refuse(status: WriterStatus, wish: TakeWish): TakeOutcome | null {
  if (status.protocol > wish.protocol) return { kind: "newer", protocol: status.protocol };
  if (!status.isHeld || status.owner === null || status.owner === wish.owner) return null;
  const { unrenewed } = wish;
  if (unrenewed?.epoch === status.epoch && unrenewed.expiresAt === status.expiresAt) return null;
  return heldAs(status);
}

const heldAs = ({ owner, epoch, expiresAt }: WriterStatus): TakeOutcome => ({
  kind: "held",
  owner: owner ?? "",
  epoch,
  expiresAt: expiresAt ?? 0,
});

/** Prolongs the row's life by `ttlMs` from now. Answers Postgres's clock; null: the row is no longer ours. */
export async function renewWriter(store: Store, lease: Fence & { readonly ttlMs: number }): Promise<Instant | null> {
  const { rows } = await store.pool.query<{ now: number }>(RENEW, [lease.epoch, lease.owner, lease.ttlMs]);
  return rows[0]?.now ?? null;
}

/** Gives the row up, so that a standby need not wait for it to expire. */
export async function releaseWriter(store: Store, { epoch, owner }: Fence): Promise<void> {
  await store.pool.query("UPDATE writer SET owner = NULL, expires_at = '-infinity' WHERE epoch = $1 AND owner = $2", [
    epoch,
    owner,
  ]);
}

export async function writerStatus(store: Store): Promise<WriterStatus> {
  const { rows } = await store.pool.query<{
    epoch: string;
    owner: string | null;
    expires_at: number;
    protocol: number;
    is_held: boolean;
  }>("SELECT epoch, owner, expires_at, protocol, expires_at >= clock_timestamp() AS is_held FROM writer");
  const [row] = rows;
  if (!row) throw new Error("the writer's row is gone");
  const { epoch, owner, expires_at: expiresAt, protocol, is_held: isHeld } = row;
  return { epoch, owner, expiresAt: Number.isFinite(expiresAt) ? expiresAt : null, protocol, isHeld };
}
