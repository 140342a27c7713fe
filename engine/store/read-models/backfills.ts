import { sql, type Selectable } from "kysely";
import type { Instant } from "../../core/json.ts";
import type { Backfill } from "../../core/records.ts";
import type { Store } from "../open.ts";
import { toBackfill } from "../rows.ts";
import type { Database } from "../tables.ts";
import { costs } from "./costs.ts";
import { all, isVisible, paged, readPage, type Page, type Paging, type Visible } from "./page.ts";
import { runsProgress, type RunsProgress } from "./progress.ts";

/** A backfill and the number by which people and REST clients know it. */
export interface BackfillRow extends Backfill {
  readonly number: number;
}

/** How its runs went so far. */
export interface BackfillPace {
  /** When its first run began; null: none has. */
  readonly startedAt: Instant | null;
  /** How many of its runs took the median; 0: none has ended. */
  readonly timedRuns: number;
  readonly medianMs: number;
}

export interface BackfillProgress extends RunsProgress {
  readonly backfill: BackfillRow;
  readonly pace: BackfillPace;
  /** Exact decimal text, of what is booked so far. */
  readonly costAmount: string;
  /** null: nothing is booked yet. */
  readonly currency: string | null;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** As large as a bigint gets. */
const NUMBER = /^\d{1,18}$/;

/** The backfill of this number or uuid; null: there is none. */
export async function oneBackfill(store: Store, name: string): Promise<BackfillRow | null> {
  const query = store.db.selectFrom("backfill").selectAll();
  const row = UUID.test(name)
    ? await query.where("backfill_id", "=", name).executeTakeFirst()
    : NUMBER.test(name)
      ? await query.where("backfill_no", "=", name).executeTakeFirst()
      : undefined;
  return row ? numbered(row) : null;
}

/** How far a backfill is, by its number or uuid; null: there is none. */
export async function backfillProgress(store: Store, name: string): Promise<BackfillProgress | null> {
  const backfill = await oneBackfill(store, name);
  if (!backfill) return null;
  const { backfillId } = backfill;
  const [progress, cost, pace] = await Promise.all([
    runsProgress(store, { backfillId }),
    costs(store, { backfillId }),
    paceOf(store, backfillId),
  ]);
  return { backfill, pace, ...progress, costAmount: cost.amount, currency: cost.currency };
}

async function paceOf(store: Store, backfillId: string): Promise<BackfillPace> {
  const { rows } = await sql<BackfillPace>`
    SELECT min(started_at) AS "startedAt", count(ended_at)::int AS "timedRuns",
           coalesce(extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY ended_at - started_at)) * 1000, 0)::float8
             AS "medianMs"
    FROM dag_run WHERE backfill_id = ${backfillId}::uuid AND started_at IS NOT NULL`.execute(store.db);
  return rows[0] ?? { startedAt: null, timedRuns: 0, medianMs: 0 };
}

const ORDER = {
  id: sql`backfill_no`,
  dag_id: sql`dag_id`,
  from_date: sql`from_at`,
  to_date: sql`to_at`,
  created_at: sql`created_at`,
  updated_at: sql`updated_at`,
  completed_at: sql`completed_at`,
} as const;
export type BackfillOrder = keyof typeof ORDER;
export const BACKFILL_ORDERS = Object.keys(ORDER) as [BackfillOrder, ...BackfillOrder[]];

export interface BackfillFilter extends Paging<BackfillOrder> {
  readonly visible: Visible;
  readonly dagId?: string | undefined;
  /** Only those that have not ended, or have. */
  readonly isActive?: boolean | undefined;
}

/** One page of backfills; the newest first unless told. */
export async function backfillPage(store: Store, filter: BackfillFilter): Promise<Page<BackfillRow>> {
  const { dagId, isActive } = filter;
  const where = all([
    ...isVisible(sql`dag_id`, filter.visible),
    ...(dagId === undefined ? [] : [sql`dag_id = ${dagId}`]),
    ...(isActive === undefined ? [] : [isActive ? sql`state = 'active'` : sql`state <> 'active'`]),
  ]);
  const { rows, total } = await readPage<Selectable<Database["backfill"]>>(store, {
    select: sql`SELECT * FROM backfill`,
    from: sql`FROM backfill`,
    where,
    page: paged(filter, ORDER, sql`backfill_no DESC`),
  });
  return { rows: rows.map(numbered), total };
}

const numbered = (row: Selectable<Database["backfill"]>): BackfillRow => ({
  ...toBackfill(row),
  number: Number(row.backfill_no),
});
