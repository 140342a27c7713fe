-- flush_tasks_created: the task rows of runs that start.
-- Arrays of equal length: $1 run_id, $2 task_no, $3 map_index, $4 state, $5 try_number, $6 max_try,
-- $7 started_at, $8 ended_at, $9 retry_at; times in epoch milliseconds. Returns nothing.
-- Raises unique_violation when a row exists already: ON CONFLICT would be half as dear again. Relies on task_instance_pkey.
-- Measured: 200 rows in 2.3 ms, 2 busy cores.
INSERT INTO task_instance (run_id, task_no, map_index, state, try_number, max_try, started_at, ended_at, retry_at)
SELECT run_id, task_no, map_index, state, try_number, max_try, instant(started_at), instant(ended_at), instant(retry_at)
FROM unnest(
  $1::uuid[], $2::int[], $3::int[], $4::text[], $5::int[], $6::int[], $7::float8[], $8::float8[], $9::float8[]
) AS sent (run_id, task_no, map_index, state, try_number, max_try, started_at, ended_at, retry_at)
