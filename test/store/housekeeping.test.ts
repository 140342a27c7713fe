import { expect, it } from "vitest";
import { forgetRequestKeys } from "../../engine/store/housekeeping.ts";
import { storeOfThisFile } from "./fleet.ts";

const here = storeOfThisFile();

it("rule 31: an Idempotency-Key is kept for seven days, then forgotten, however many there are", async () => {
  await here.store.pool.query(
    `INSERT INTO request_key (idempotency_key, body_sha256, run_id, created_at)
     SELECT 'old ' || n, '', gen_random_uuid(), clock_timestamp() - interval '7 days 1 second' FROM generate_series(1, 2500) AS n
     UNION ALL SELECT 'young', '', gen_random_uuid(), clock_timestamp() - interval '6 days 23 hours'`,
  );
  expect(await forgetRequestKeys(here.store)).toBe(2_500);
  const { rows } = await here.store.pool.query("SELECT idempotency_key FROM request_key");
  expect(rows).toEqual([{ idempotency_key: "young" }]);
  expect(await forgetRequestKeys(here.store)).toBe(0);
});
