-- outbox_claim: takes mails that are due, each for one process at a time, and counts the try before it is made.
-- $1 at most so many, $2 how long they are this process's own, in milliseconds: one that dies leaves them due again then.
-- Rows that another process is just claiming are passed over. In time, not in state, so that nothing has to clean up.
-- Returns the mails, which try it is, and how long ago the first try ended in milliseconds (0: this is the first).
-- Relies on outbox_pending_first (statement_timestamp is stable, so it bounds the index) and delivery_pkey.
-- Measured: 0.4 ms with nothing due (0.6 ms among 20,000 that wait), 3.9 ms for 4 of 10,000 due, 2 busy cores.
WITH due AS MATERIALIZED (
  SELECT message_id FROM outbox
  WHERE state = 'pending' AND next_try_at <= statement_timestamp()
  ORDER BY next_try_at
  LIMIT $1::int
  FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE outbox
SET tries = outbox.tries + 1, next_try_at = clock_timestamp() + $2::float8 * interval '1 millisecond'
FROM due
WHERE outbox.message_id = due.message_id
RETURNING outbox.message_id, outbox.kind, outbox.receiver, outbox.subject, outbox.payload, outbox.tries, outbox.created_at,
  coalesce((
    SELECT extract(epoch FROM clock_timestamp() - delivery.at) * 1000 FROM delivery
    WHERE delivery.message_id = outbox.message_id
    ORDER BY delivery.try_number LIMIT 1
  ), 0)::float8 AS tried_for_ms
