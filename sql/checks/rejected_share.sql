-- The share of this night's lines that were rejected, duplicates left out.
SELECT rejected_share
FROM quality_sales
WHERE dt = '${ds}'
