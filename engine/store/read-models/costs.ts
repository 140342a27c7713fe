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

/** Everything booked for a backfill's runs, a DAG's runs, or (with neither) all runs. */
export async function costs(
  store: Store,
  of: { readonly backfillId?: string; readonly dagId?: string },
): Promise<Costs> {
  let query = store.db
    .selectFrom("booked")
    .innerJoin("dag_run", "dag_run.run_id", "booked.run_id")
    .select([
      "booked.usage_kind as usageKind",
      "booked.unit",
      "booked.currency",
      sql<string>`trim_scale(sum(booked.quantity))::text`.as("quantity"),
      sql<string>`trim_scale(sum(booked.amount))::text`.as("amount"),
      sql<string>`trim_scale(sum(sum(booked.amount)) OVER ())::text`.as("total"),
    ])
    .groupBy(["booked.usage_kind", "booked.unit", "booked.currency"])
    .orderBy("booked.usage_kind");
  if (of.backfillId !== undefined) query = query.where("dag_run.backfill_id", "=", of.backfillId);
  if (of.dagId !== undefined) query = query.where("dag_run.dag_id", "=", of.dagId);
  const rows = await query.execute();
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
