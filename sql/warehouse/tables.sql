-- The warehouse's schemas and its mart: one row per store and day. Safe to repeat.
-- COPY of Parquet matches columns by position: their order here is the order of sql/jobs/aggregate_sales.sql.
CREATE SCHEMA IF NOT EXISTS mart;
CREATE SCHEMA IF NOT EXISTS stage;
CREATE TABLE IF NOT EXISTS mart.store_sales (
  store_id VARCHAR(64) NOT NULL,
  sale_date DATE NOT NULL,
  transactions BIGINT NOT NULL,
  units BIGINT NOT NULL,
  gross_sales DECIMAL(18, 2) NOT NULL,
  discounts DECIMAL(18, 2) NOT NULL,
  returns DECIMAL(18, 2) NOT NULL,
  net_sales DECIMAL(18, 2) NOT NULL,
  average_basket DECIMAL(18, 2),
  run_id VARCHAR(256) NOT NULL
)
DISTKEY (store_id)
SORTKEY (sale_date, store_id);
