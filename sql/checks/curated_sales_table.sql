-- Each night's valid lines, without duplicates, as clean_sales writes them.
-- Its partitions are computed from the days asked for: no crawler, no MSCK REPAIR.
CREATE EXTERNAL TABLE IF NOT EXISTS ${database}.curated_sales (
  store_id STRING,
  sale_id STRING,
  line_no INT,
  sale_date DATE,
  sold_at STRING,
  product_id STRING,
  quantity INT,
  unit_price DECIMAL(12, 2),
  discount DECIMAL(12, 2)
)
PARTITIONED BY (dt STRING)
STORED AS PARQUET
LOCATION 's3://${bucket}/curated/sales/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2000-01-01,2099-12-31',
  'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'DAYS'
)
