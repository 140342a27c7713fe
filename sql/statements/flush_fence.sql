-- flush_fence: the first statement of every flush; locks the writer's row until its COMMIT, so that a take waits.
-- $1 epoch, $2 owner. Returns Postgres's clock in epoch milliseconds; no row: the flush must roll back and stop.
-- FOR NO KEY UPDATE, because a mere EXISTS or FOR KEY SHARE lets a take pass by (tried).
-- Relies on nothing: the table has one row. Measured: 0.3 ms, 2 busy cores.
SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now
FROM writer WHERE epoch = $1::bigint AND owner = $2
FOR NO KEY UPDATE
