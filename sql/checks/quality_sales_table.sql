-- One row of counts per night.
-- Its partitions are computed from the days asked for: no crawler, no MSCK REPAIR.
CREATE EXTERNAL TABLE IF NOT EXISTS ${database}.quality_sales (
  ds DATE,
  read_lines BIGINT,
  clean_lines BIGINT,
  rejected_lines BIGINT,
  duplicate_lines BIGINT,
  rejected_share DECIMAL(9, 6)
)
PARTITIONED BY (dt STRING)
STORED AS PARQUET
LOCATION 's3://${bucket}/quality/sales/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2000-01-01,2099-12-31',
  'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'DAYS'
)
