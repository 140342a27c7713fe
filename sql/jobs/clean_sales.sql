-- clean_sales: one night's raw lines, checked, without duplicates, typed. Rules: docs/guide/nightly-sales.md.
-- The same text runs on Spark and on DuckDB; test/guards/portable-sql.test.ts keeps it inside what both take.
--
-- input sales: sale_id, line_no?, store_id, sold_at, product_id, quantity, unit_price, discount?
-- input stores?: store_id, timezone?
-- param: ds, timezone, late_days
-- output: clean, rejected, summary
-- keep: ranked

-- A store listed twice must not double its lines.
CREATE OR REPLACE TEMP VIEW zones AS
SELECT TRIM(store_id) AS store_id, MAX(NULLIF(TRIM(timezone), '')) AS timezone
FROM stores
WHERE TRIM(store_id) <> ''
GROUP BY TRIM(store_id);

-- The text to judge beside the text as it came, which is what `rejected` shows.
CREATE OR REPLACE TEMP VIEW trimmed AS
SELECT
  sale_id, line_no, store_id, sold_at, product_id, quantity, unit_price, discount,
  NULLIF(TRIM(store_id), '') AS store,
  NULLIF(TRIM(sale_id), '') AS sale,
  COALESCE(NULLIF(TRIM(line_no), ''), '1') AS line_text,
  NULLIF(TRIM(sold_at), '') AS sold,
  NULLIF(TRIM(product_id), '') AS product,
  NULLIF(TRIM(quantity), '') AS quantity_text,
  NULLIF(TRIM(unit_price), '') AS price_text,
  COALESCE(NULLIF(TRIM(discount), ''), '0') AS discount_text
FROM sales;

CREATE OR REPLACE TEMP VIEW checked AS
SELECT
  trimmed.*,
  regexp_like(line_text, '^[0-9]{1,9}([.]0{1,6})?$') AS line_ok,
  COALESCE(regexp_like(quantity_text, '^[+-]?[0-9]{1,6}([.]0{1,6})?$'), FALSE) AS quantity_ok,
  COALESCE(regexp_like(price_text, '^[+]?[0-9]{1,10}([.][0-9]{1,2}0{0,8})?$'), TRUE) AS price_ok,
  regexp_like(discount_text, '^[+-]?[0-9]{1,10}([.][0-9]{1,2}0{0,8})?$') AS discount_ok,
  COALESCE(regexp_like(sold, '^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?(Z|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)?)?$'), FALSE) AS sold_ok,
  COALESCE(regexp_like(SUBSTR(sold, 12), '[Z+-]'), FALSE) AS has_offset
FROM trimmed;

-- Minutes east of UTC, from Z, +hh, +hhmm or +hh:mm.
CREATE OR REPLACE TEMP VIEW located AS
SELECT
  checked.*,
  CASE
    WHEN NOT sold_ok OR NOT has_offset OR regexp_like(sold, 'Z$') THEN 0
    WHEN regexp_like(sold, '[+-][0-9]{2}$') THEN TRY_CAST(RIGHT(sold, 2) AS INTEGER) * 60
    WHEN regexp_like(sold, '[+-][0-9]{4}$') THEN TRY_CAST(SUBSTR(RIGHT(sold, 4), 1, 2) AS INTEGER) * 60 + TRY_CAST(RIGHT(sold, 2) AS INTEGER)
    ELSE TRY_CAST(SUBSTR(RIGHT(sold, 5), 1, 2) AS INTEGER) * 60 + TRY_CAST(RIGHT(sold, 2) AS INTEGER)
  END * CASE WHEN regexp_like(SUBSTR(sold, 12), '-') THEN -1 ELSE 1 END AS offset_minutes,
  COALESCE(zones.timezone, params.timezone) AS zone
FROM checked
LEFT JOIN zones ON zones.store_id = checked.store
CROSS JOIN params;

-- A time without offset is the store's own: its date is the answer, and no clock change can move it.
CREATE OR REPLACE TEMP VIEW dated AS
SELECT
  located.*,
  CASE
    WHEN NOT sold_ok THEN NULL
    WHEN has_offset THEN CAST(from_utc_timestamp(
      TRY_CAST(SUBSTR(sold, 1, 10) || ' ' || SUBSTR(sold, 12, 5) || ':00' AS TIMESTAMP) - offset_minutes * INTERVAL '1' MINUTE,
      zone) AS DATE)
    ELSE TRY_CAST(SUBSTR(sold, 1, 10) AS DATE)
  END AS sale_date
FROM located;

CREATE OR REPLACE TEMP VIEW judged AS
SELECT
  dated.*,
  CASE WHEN line_ok THEN CAST(CAST(TRY_CAST(line_text AS DECIMAL(18, 6)) AS INTEGER) AS STRING) ELSE line_text END AS line_key,
  CASE
    WHEN store IS NULL OR sale IS NULL THEN 'missing_key'
    WHEN NOT line_ok OR NOT quantity_ok OR NOT price_ok OR NOT discount_ok THEN 'bad_number'
    WHEN price_text IS NULL THEN 'no_price'
    WHEN sale_date IS NULL THEN 'bad_time'
    WHEN sale_date < CAST(params.ds AS DATE) - CAST(params.late_days AS INTEGER) THEN 'outside_window'
    WHEN sale_date > CAST(params.ds AS DATE) + 1 THEN 'outside_window'
  END AS reason
FROM dated
CROSS JOIN params;

-- Of the rows with one key a valid one stays; which of several does not depend on the order they were read in.
CREATE OR REPLACE TEMP VIEW ranked AS
SELECT
  judged.*,
  CASE
    WHEN reason = 'missing_key' THEN 1
    ELSE ROW_NUMBER() OVER (
      PARTITION BY store, sale, line_key
      ORDER BY
        CASE WHEN reason IS NULL THEN 0 ELSE 1 END ASC NULLS LAST,
        sold_at ASC NULLS LAST, quantity ASC NULLS LAST, unit_price ASC NULLS LAST, discount ASC NULLS LAST,
        product_id ASC NULLS LAST, sale_id ASC NULLS LAST, store_id ASC NULLS LAST, line_no ASC NULLS LAST)
  END AS place
FROM judged;

CREATE OR REPLACE TEMP VIEW clean AS
SELECT
  CAST(store AS STRING) AS store_id,
  CAST(sale AS STRING) AS sale_id,
  CAST(line_key AS INTEGER) AS line_no,
  CAST(sale_date AS DATE) AS sale_date,
  CAST(sold AS STRING) AS sold_at,
  CAST(product AS STRING) AS product_id,
  CAST(CAST(quantity_text AS DECIMAL(18, 6)) AS INTEGER) AS quantity,
  CAST(price_text AS DECIMAL(12, 2)) AS unit_price,
  CAST(discount_text AS DECIMAL(12, 2)) AS discount
FROM ranked
WHERE place = 1 AND reason IS NULL;

CREATE OR REPLACE TEMP VIEW rejected AS
SELECT
  CAST(sale_id AS STRING) AS sale_id,
  CAST(line_no AS STRING) AS line_no,
  CAST(store_id AS STRING) AS store_id,
  CAST(sold_at AS STRING) AS sold_at,
  CAST(product_id AS STRING) AS product_id,
  CAST(quantity AS STRING) AS quantity,
  CAST(unit_price AS STRING) AS unit_price,
  CAST(discount AS STRING) AS discount,
  CAST(reason AS STRING) AS reason
FROM ranked
WHERE place = 1 AND reason IS NOT NULL;

CREATE OR REPLACE TEMP VIEW counted AS
SELECT
  COUNT(*) AS read_lines,
  COUNT(CASE WHEN place = 1 AND reason IS NULL THEN 1 END) AS clean_lines,
  COUNT(CASE WHEN place = 1 AND reason IS NOT NULL THEN 1 END) AS rejected_lines,
  COUNT(CASE WHEN place > 1 THEN 1 END) AS duplicate_lines
FROM ranked;

-- The share in millionths, rounded up: a share above the limit never rounds down to it.
-- What is divided is a multiple of the divisor, so that the quotient is exact in both engines.
CREATE OR REPLACE TEMP VIEW shared AS
SELECT
  counted.*,
  NULLIF(clean_lines + rejected_lines, 0) AS kept_lines,
  rejected_lines * 1000000 + clean_lines + rejected_lines - 1 AS dividend
FROM counted;

CREATE OR REPLACE TEMP VIEW summary AS
SELECT
  CAST(params.ds AS DATE) AS ds,
  CAST(read_lines AS BIGINT) AS read_lines,
  CAST(clean_lines AS BIGINT) AS clean_lines,
  CAST(rejected_lines AS BIGINT) AS rejected_lines,
  CAST(duplicate_lines AS BIGINT) AS duplicate_lines,
  CAST(COALESCE(CAST((dividend - dividend % kept_lines) / kept_lines AS BIGINT), 0) * 0.000001 AS DECIMAL(9, 6)) AS rejected_share
FROM shared
CROSS JOIN params;
