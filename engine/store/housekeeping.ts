import type { Store } from "./open.ts";

/** So many at a time, so that no statement holds its locks for long. */
const BATCH = 1_000;

const FORGET = `DELETE FROM request_key WHERE idempotency_key IN (
  SELECT idempotency_key FROM request_key WHERE created_at < clock_timestamp() - interval '7 days'
  ORDER BY created_at LIMIT $1
)`;

/** Forgets Idempotency-Keys older than seven days (protocol rule 31). Answers how many; their runs stay. */
export async function forgetRequestKeys(store: Store): Promise<number> {
  let forgotten = 0;
  for (;;) {
    const { rowCount } = await store.pool.query(FORGET, [BATCH]);
    forgotten += rowCount ?? 0;
    if ((rowCount ?? 0) < BATCH) return forgotten;
  }
}
