-- flush_frozen_params: rendered parameters by hash, written with the intent that names them.
-- Arrays of equal length: $1 hash, $2 params (json as text, kept byte for byte). One that exists already stays.
-- One that was about to be forgotten is wanted again: it leaves orphan_params.
-- Returns nothing. Relies on frozen_params_pkey and orphan_params_pkey. Measured: 200 rows in 9.4 ms, 2 cores
-- that are six times overbooked (in 1.7 ms on 2 busy ones before orphan_params was asked).
WITH wanted AS (
  DELETE FROM orphan_params WHERE hash = ANY ($1::text[])
)
INSERT INTO frozen_params (hash, params)
SELECT * FROM unnest($1::text[], $2::json[])
ON CONFLICT (hash) DO NOTHING
