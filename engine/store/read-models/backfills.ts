import type { Backfill } from "../../core/records.ts";
import type { Store } from "../open.ts";
import { toBackfill } from "../rows.ts";
import { costs } from "./costs.ts";
import { runsProgress, type RunsProgress } from "./progress.ts";

export interface BackfillProgress extends RunsProgress {
  readonly backfill: Backfill;
  /** Exact decimal text, of what is booked so far. */
  readonly costAmount: string;
  /** null: nothing is booked yet. */
  readonly currency: string | null;
}

/** How far a backfill is; null: there is none of that id. */
export async function backfillProgress(store: Store, backfillId: string): Promise<BackfillProgress | null> {
  const row = await store.db
    .selectFrom("backfill")
    .selectAll()
    .where("backfill_id", "=", backfillId)
    .executeTakeFirst();
  if (!row) return null;
  const [progress, cost] = await Promise.all([runsProgress(store, { backfillId }), costs(store, { backfillId })]);
  return { backfill: toBackfill(row), ...progress, costAmount: cost.amount, currency: cost.currency };
}

/** Backfills, the newest first. */
export async function listBackfills(store: Store, filter: { readonly dagId?: string } = {}): Promise<Backfill[]> {
  let query = store.db.selectFrom("backfill").selectAll().orderBy("created_at", "desc").orderBy("backfill_id", "desc");
  if (filter.dagId !== undefined) query = query.where("dag_id", "=", filter.dagId);
  return (await query.limit(1_000).execute()).map(toBackfill);
}
