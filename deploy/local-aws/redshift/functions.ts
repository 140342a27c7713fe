import { words } from "../duckdb/functions.ts";
import type { DialectFunctions } from "../duckdb/functions.ts";
import { SqlError } from "./sql-error.ts";

const SAME = words(`
  count sum min max coalesce nullif abs ceil ceiling floor round sign sqrt exp ln power mod lower upper trim ltrim rtrim btrim
  replace length char_length character_length octet_length substring substr left right lpad rpad repeat reverse strpos
  position split_part initcap md5 translate ascii chr greatest least row_number rank dense_rank percent_rank cume_dist ntile
  lag lead first_value last_value nth_value stddev_samp stddev_pop var_samp var_pop bool_and bool_or date_part extract
  last_day current_date current_timestamp cast`);

/**
 * Division: whole numbers truncate, zero is an error, and a decimal one has a scale of Redshift's own that DuckDB's DOUBLE
 * does not have: refused, because a cent off is worse than an error.
 */
const MACROS = `
CREATE MACRO "/"(a INTEGER, b INTEGER) AS CASE WHEN b = 0 THEN error('Divide by zero') ELSE a // b END,
  (a BIGINT, b BIGINT) AS CASE WHEN b = 0 THEN error('Divide by zero') ELSE a // b END,
  (a DOUBLE, b DOUBLE) AS CASE WHEN b = 0 THEN error('Divide by zero') ELSE system.main."/"(a, b) END,
  (a DECIMAL(18, 2), b DECIMAL(18, 2)) AS error('division of NUMERIC is not available in local-aws: it would not be exact');
CREATE MACRO "%"(a BIGINT, b BIGINT) AS CASE WHEN b = 0 THEN error('Divide by zero') ELSE system.main."%"(a, b) END,
  (a, b) AS CASE WHEN b = 0 THEN error('Divide by zero') ELSE system.main."%"(a, b) END;
CREATE MACRO mod(a, b) AS a % b;
CREATE MACRO redshift_sum(x TINYINT) AS sum(x)::BIGINT, (x SMALLINT) AS sum(x)::BIGINT, (x INTEGER) AS sum(x)::BIGINT,
  (x BIGINT) AS sum(x)::DECIMAL(38, 0), (x) AS sum(x);
CREATE MACRO avg(x BIGINT) AS (sum(x) // nullif(count(x), 0))::BIGINT, (x DOUBLE) AS system.main.avg(x),
  (x DECIMAL(18, 2)) AS error('AVG of NUMERIC is not available in local-aws: it would not be exact');
CREATE MACRO pg_last_copy_count() AS 0;
CREATE MACRO concat(a, b) AS a || b;
CREATE MACRO nvl(a, b) AS coalesce(a, b);
CREATE MACRO nvl2(a, b, c) AS CASE WHEN a IS NOT NULL THEN b ELSE c END;
CREATE MACRO len(a) AS length(rtrim(a));
CREATE MACRO getdate() AS date_trunc('second', now())::TIMESTAMP;
CREATE MACRO convert_timezone(zone, moment) AS (moment::TIMESTAMP AT TIME ZONE 'UTC') AT TIME ZONE zone,
  (source, target, moment) AS (moment::TIMESTAMP AT TIME ZONE source) AT TIME ZONE target;
CREATE MACRO date_trunc(part, moment DATE) AS system.main.date_trunc(part, moment::TIMESTAMP),
  (part, moment) AS system.main.date_trunc(part, moment);
CREATE MACRO trunc(moment TIMESTAMP) AS moment::DATE, (moment DATE) AS moment, (moment DOUBLE) AS system.main.trunc(moment);
`;

/** What Redshift's functions are here. The translator was tried on date arithmetic, LISTAGG and TOP, and only there. */
export const REDSHIFT: DialectFunctions = {
  same: SAME,
  macros: MACROS,
  translated: words("dateadd date_add datediff date_diff listagg"),
  refuse: (name) => new SqlError(`function ${name} is not available in local-aws`),
};
