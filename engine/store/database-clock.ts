import type { Instant } from "../core/json.ts";
import type { Store } from "./open.ts";

/** What Postgres's clock shows. */
export async function databaseNow(store: Store): Promise<Instant> {
  const { rows } = await store.pool.query<{ now: Instant }>("SELECT clock_timestamp() AS now");
  const [row] = rows;
  if (!row) throw new Error("a clock answered no row");
  return Math.floor(row.now);
}
