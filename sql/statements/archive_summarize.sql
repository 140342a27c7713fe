-- archive_summarize: writes what stays of a closing month's runs, and says that sums count it in place of the rows.
-- $1 the month, $2 its first run id, $3 the first one after it. Repeating it changes nothing. Returns nothing.
-- Relies on the keys of dag_run and ledger, with enable_nestloop off. Measured: 100,000 runs with an entry each in 10.2 s, 2 cores
-- that are six times overbooked; the writer does not wait for it.
WITH used AS (
  SELECT run_id, jsonb_agg(jsonb_build_object(
           'usageKind', usage_kind, 'unit', unit, 'currency', currency, 'quantity', quantity, 'amount', amount
         ) ORDER BY usage_kind, unit) AS usage
  FROM (
    SELECT run_id, usage_kind, unit, currency, sum(quantity) AS quantity, sum(amount) AS amount FROM booked
    WHERE run_id >= $2::uuid AND run_id < $3::uuid
    GROUP BY run_id, usage_kind, unit, currency
  ) AS sums
  GROUP BY run_id
), stays AS (
  INSERT INTO run_summary (
    run_id, dag_id, dag_run_id, run_type, logical_at, backfill_id, state, started_at, ended_at, usage
  )
  SELECT run_id, dag_id, dag_run_id, run_type, logical_at, backfill_id, state, started_at, ended_at,
         coalesce(used.usage, '[]')
  FROM dag_run LEFT JOIN used USING (run_id)
  WHERE dag_run.run_id >= $2::uuid AND dag_run.run_id < $3::uuid
  ON CONFLICT (run_id) DO NOTHING
)
UPDATE partition_state SET summed_at = clock_timestamp() WHERE month = $1::text AND state = 'closing' AND summed_at IS NULL
