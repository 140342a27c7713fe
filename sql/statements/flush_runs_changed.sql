-- flush_runs_changed: all run changes of one flush, relabelling by a backfill too. A run's key never changes.
-- Arrays of equal length: $1 run_id, $2 the state it must have, then new values: $3 run_type, $4 run_after_at,
-- $5 version_id, $6 backfill_id, $7 conf (jsonb as text), $8 state, $9 queued_at, $10 started_at, $11 ended_at,
-- $12 triggered_by, $13 quarantine, $14 ending (jsonb as text), $15 budget_level, $16 only_tasks (jsonb as text), $17 is_reopened,
-- $18 concurrency_key; times in epoch milliseconds.
-- Raises NC001 when a run is not in the expected state. Relies on dag_run_pkey. Measured: 200 rows in 6.6 ms, 2 busy cores.
WITH changed AS (
  UPDATE dag_run
  SET run_type = sent.run_type, run_after_at = instant(sent.run_after_at), version_id = sent.version_id,
      backfill_id = sent.backfill_id, conf = sent.conf, state = sent.state, queued_at = instant(sent.queued_at),
      started_at = instant(sent.started_at), ended_at = instant(sent.ended_at), triggered_by = sent.triggered_by,
      quarantine = sent.quarantine, ending = sent.ending, budget_level = sent.budget_level,
      only_tasks = sent.only_tasks, is_reopened = sent.is_reopened,
      concurrency_key = sent.concurrency_key
  FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::float8[], $5::uuid[], $6::uuid[], $7::jsonb[], $8::text[], $9::float8[],
    $10::float8[], $11::float8[], $12::text[], $13::text[], $14::jsonb[], $15::text[], $16::jsonb[], $17::boolean[],
    $18::text[]
  ) AS sent (
    run_id, from_state, run_type, run_after_at, version_id, backfill_id, conf, state, queued_at, started_at, ended_at,
    triggered_by, quarantine, ending, budget_level, only_tasks, is_reopened, concurrency_key
  )
  WHERE dag_run.run_id = sent.run_id AND dag_run.state = sent.from_state
  RETURNING 1
)
SELECT assert_rows('runs changed', cardinality($1::uuid[]), (SELECT count(*) FROM changed))
