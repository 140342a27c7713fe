-- aggregate_sales: the (store, day) pairs of one night, each recomputed whole from every night that can hold its lines.
-- A pair's figures depend only on its own lines: any night, run in any order and again, gives the same rows.
-- The same text runs on Spark and on DuckDB; test/guards/portable-sql.test.ts keeps it inside what both take.
--
-- input curated: dt, store_id, sale_id, line_no INTEGER, sale_date DATE, quantity INTEGER, unit_price DECIMAL(12,2), discount DECIMAL(12,2)
-- param: ds, late_days, run_id
-- output: store_sales

CREATE OR REPLACE TEMP VIEW pairs AS
SELECT DISTINCT store_id, sale_date
FROM curated
CROSS JOIN params
WHERE dt = ds;

-- A line delivered on two nights counts for the earlier one.
CREATE OR REPLACE TEMP VIEW delivered AS
SELECT
  curated.store_id, curated.sale_date, curated.sale_id, curated.quantity, curated.unit_price, curated.discount,
  ROW_NUMBER() OVER (
    PARTITION BY curated.store_id, curated.sale_date, curated.sale_id, curated.line_no
    ORDER BY curated.dt ASC NULLS LAST) AS place
FROM curated
JOIN pairs ON pairs.store_id = curated.store_id AND pairs.sale_date = curated.sale_date
CROSS JOIN params
WHERE CAST(curated.dt AS DATE) >= curated.sale_date - 1
  AND CAST(curated.dt AS DATE) <= curated.sale_date + CAST(params.late_days AS INTEGER);

CREATE OR REPLACE TEMP VIEW summed AS
SELECT
  store_id,
  sale_date,
  COUNT(DISTINCT CASE WHEN quantity > 0 THEN sale_id END) AS transactions,
  CAST(SUM(quantity) AS BIGINT) AS units,
  CAST(COALESCE(SUM(CASE WHEN quantity > 0 THEN quantity * unit_price END), 0) AS DECIMAL(18, 2)) AS gross_sales,
  CAST(COALESCE(SUM(discount), 0) AS DECIMAL(18, 2)) AS discounts,
  CAST(COALESCE(SUM(CASE WHEN quantity < 0 THEN -quantity * unit_price END), 0) AS DECIMAL(18, 2)) AS returns
FROM delivered
WHERE place = 1
GROUP BY store_id, sale_date;

CREATE OR REPLACE TEMP VIEW netted AS
SELECT
  summed.*,
  CAST(gross_sales - discounts - returns AS DECIMAL(18, 2)) AS net_sales,
  CAST((gross_sales - discounts - returns) * 100 AS BIGINT) AS net_cents,
  NULLIF(2 * transactions, 0) AS divisor
FROM summed;

-- floor(net / transactions + 1/2) in cents, on whole numbers: a rounding in floating point would be a cent off.
CREATE OR REPLACE TEMP VIEW halved AS
SELECT netted.*, 2 * ABS(net_cents) + transactions AS dividend
FROM netted;

CREATE OR REPLACE TEMP VIEW store_sales AS
SELECT
  CAST(store_id AS STRING) AS store_id,
  CAST(sale_date AS DATE) AS sale_date,
  CAST(transactions AS BIGINT) AS transactions,
  CAST(units AS BIGINT) AS units,
  CAST(gross_sales AS DECIMAL(18, 2)) AS gross_sales,
  CAST(discounts AS DECIMAL(18, 2)) AS discounts,
  CAST(returns AS DECIMAL(18, 2)) AS returns,
  CAST(net_sales AS DECIMAL(18, 2)) AS net_sales,
  CAST(CAST((dividend - dividend % divisor) / divisor AS BIGINT) * CASE WHEN net_cents < 0 THEN -1 ELSE 1 END * 0.01 AS DECIMAL(18, 2)) AS average_basket,
  CAST(params.run_id AS STRING) AS run_id
FROM halved
CROSS JOIN params;
