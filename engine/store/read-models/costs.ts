import { sql } from "kysely";
import type { Store } from "../open.ts";

/** Exact decimal text. The currency is null where nothing is booked. */
export interface Cost {
  readonly amount: string;
  readonly currency: string | null;
}

/** What was used and what it costs, settled entries and corrections in place of what was accrued (protocol rule 34). */
export interface Costs extends Cost {
  readonly byKind: readonly (Cost & { readonly usageKind: string; readonly quantity: string; readonly unit: string })[];
}

/**
 * Everything booked for a backfill's runs, a DAG's runs, or (with neither) all runs. Of a month that leaves for the archive
 * its sums count in place of its rows, from one moment to the next.
 */
export async function costs(
  store: Store,
  of: { readonly backfillId?: string; readonly dagId?: string },
): Promise<Costs> {
  const { backfillId = null, dagId = null } = of;
  const wanted = sql`(${backfillId}::uuid IS NULL OR run.backfill_id = ${backfillId}::uuid)
    AND (${dagId}::text IS NULL OR run.dag_id = ${dagId}::text)`;
  const { rows } = await sql<Costs["byKind"][number] & { readonly currency: string; readonly total: string }>`
    WITH used AS (
      SELECT usage_kind, unit, currency, quantity, amount FROM booked JOIN dag_run AS run USING (run_id)
      WHERE ${wanted} AND NOT EXISTS (
        SELECT FROM partition_state WHERE state = 'closing' AND summed_at IS NOT NULL AND from_id <= run_id AND to_id > run_id)
      UNION ALL
      SELECT usage.* FROM run_summary AS run CROSS JOIN jsonb_to_recordset(run.usage)
        AS usage ("usageKind" text, unit text, currency text, quantity numeric, amount numeric)
      WHERE ${wanted}
    )
    SELECT usage_kind AS "usageKind", unit, currency, trim_scale(sum(quantity))::text AS quantity,
           trim_scale(sum(amount))::text AS amount, trim_scale(sum(sum(amount)) OVER ())::text AS total
    FROM used GROUP BY usage_kind, unit, currency ORDER BY usage_kind`.execute(store.db);
  const byKind = rows.map(({ total: _, ...row }) => row);
  return { amount: rows[0]?.total ?? "0", currency: oneCurrency(rows), byKind };
}

/** What each of these runs costs; runs with nothing booked are left out. */
export async function costsByRun(store: Store, runIds: readonly string[]): Promise<Map<string, Cost>> {
  const rows = await store.db
    .selectFrom("booked")
    .select(["run_id", "currency", sql<string>`trim_scale(sum(amount))::text`.as("amount")])
    .where(sql<boolean>`run_id = ANY (${runIds}::uuid[])`)
    .groupBy(["run_id", "currency"])
    .execute();
  oneCurrency(rows);
  return new Map(rows.map(({ run_id: runId, amount, currency }) => [runId, { amount, currency }]));
}

/** Prices have one currency for the whole installation: sums over two would be no figure at all. */
function oneCurrency(rows: readonly { readonly currency: string }[]): string | null {
  const [currency = null, ...more] = new Set(rows.map((row) => row.currency));
  if (more.length > 0) throw new Error(`the ledger mixes the currencies ${[currency, ...more].join(" and ")}`);
  return currency;
}
