-- Net sales of the stores and days that this night's lines belong to, over every night that can hold such lines.
-- Written apart from sql/jobs/aggregate_sales.sql: it must come to the same sum by itself.
WITH pairs AS (
  SELECT DISTINCT store_id, sale_date
  FROM curated_sales
  WHERE dt = '${ds}'
),
delivered AS (
  SELECT
    lines.quantity,
    lines.unit_price,
    lines.discount,
    ROW_NUMBER() OVER (PARTITION BY lines.store_id, lines.sale_date, lines.sale_id, lines.line_no ORDER BY lines.dt) AS place
  FROM curated_sales AS lines
  JOIN pairs ON pairs.store_id = lines.store_id AND pairs.sale_date = lines.sale_date
  WHERE lines.dt BETWEEN '${first}' AND '${last}'
)
SELECT CAST(SUM(quantity * unit_price - discount) AS DECIMAL(18, 2)) AS net_sales
FROM delivered
WHERE place = 1
