-- writer_take: makes $1 the writer if the row is free, expired or already its own, and not of a newer protocol.
-- $1 owner, $2 life in milliseconds, $3 protocol, $4 and $5 epoch and end (epoch milliseconds) of a life that was not renewed
-- in time by the caller's own clock: Postgres's was set back, or nulls. The caller has locked the row in the same transaction.
-- Returns epoch and Postgres's clock in epoch milliseconds; no row: it is somebody else's.
-- Relies on nothing: the table has one row. Measured: 0.1 ms, and the wait for a flush in progress.
UPDATE writer
SET epoch = epoch + 1, owner = $1, protocol = $3::int,
    expires_at = clock_timestamp() + $2::float8 * interval '1 millisecond'
WHERE (expires_at < clock_timestamp() OR owner IS NULL OR owner = $1
       OR (epoch = $4::bigint AND floor(extract(epoch FROM expires_at) * 1000) = $5::float8)) AND protocol <= $3::int
RETURNING epoch, floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now
