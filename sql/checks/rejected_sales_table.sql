-- Each night's rejected lines as they came, with the first reason.
-- Its partitions are computed from the days asked for: no crawler, no MSCK REPAIR.
CREATE EXTERNAL TABLE IF NOT EXISTS ${database}.rejected_sales (
  sale_id STRING,
  line_no STRING,
  store_id STRING,
  sold_at STRING,
  product_id STRING,
  quantity STRING,
  unit_price STRING,
  discount STRING,
  reason STRING
)
PARTITIONED BY (dt STRING)
STORED AS PARQUET
LOCATION 's3://${bucket}/rejected/sales/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2000-01-01,2099-12-31',
  'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'DAYS'
)
