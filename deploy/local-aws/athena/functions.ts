import { checkFunctions, words } from "../duckdb/functions.ts";
import type { DialectFunctions } from "../duckdb/functions.ts";
import { quoteString } from "../duckdb/database.ts";
import { afterParenthesis, is, splitAtCommas, textOf, tokenize, valueOf } from "../duckdb/tokens.ts";
import type { Token } from "../duckdb/tokens.ts";
import { toDuckDb } from "../duckdb/translate.ts";
import { QueryError } from "./query-error.ts";

const SAME = words(`
  count sum min max avg coalesce nullif abs ceil ceiling floor round sign sqrt exp ln power pow lower upper trim ltrim rtrim
  replace length substring substr lpad rpad reverse strpos split split_part starts_with chr row_number rank dense_rank
  percent_rank cume_dist ntile lag lead first_value last_value nth_value stddev stddev_samp stddev_pop variance var_samp
  var_pop corr bool_and bool_or count_if array_agg if try date_trunc year month day hour minute second quarter extract
  current_date current_timestamp now cast contains`);

const one = (name: string, body: string): string => `CREATE MACRO ${name} AS ${body};\n`;
const nullable = (name: string): string =>
  [
    ["a", "b"],
    ["a", "b", "c"],
    ["a", "b", "c", "d"],
  ]
    .map((list) => {
      const nulls = list.map((argument) => `${argument} IS NULL`).join(" OR ");
      return `(${list.join(", ")}) AS CASE WHEN ${nulls} THEN NULL ELSE system.main.${name}(${list.join(", ")}) END`;
    })
    .join(", ");

/**
 * Trino's meaning where DuckDB's differs: whole division truncates, zero is an error, and what would turn a decimal into a
 * DOUBLE is refused; dates stay dates; differences count whole units; NULL in greatest, least and concat gives NULL.
 */
const MACROS = [
  `CREATE MACRO "/"(a INTEGER, b INTEGER) AS CASE WHEN b = 0 THEN error('Division by zero') ELSE a // b END,
    (a BIGINT, b BIGINT) AS CASE WHEN b = 0 THEN error('Division by zero') ELSE a // b END,
    (a HUGEINT, b HUGEINT) AS CASE WHEN b = 0 THEN error('Division by zero') ELSE a // b END,
    (a DOUBLE, b DOUBLE) AS system.main."/"(a, b),
    (a DECIMAL(18, 2), b DECIMAL(18, 2)) AS error('division of decimals is not available in local-aws: it would not be exact');\n`,
  `CREATE MACRO "%"(a, b) AS CASE WHEN b = 0 THEN error('Division by zero') ELSE system.main."%"(a, b) END;\n`,
  one("mod(a, b)", "a % b"),
  `CREATE MACRO exact_average_only(x BIGINT) AS x, (x DOUBLE) AS x,
    (x DECIMAL(18, 2)) AS error('avg of a decimal is not available in local-aws: it would not be exact');\n`,
  `CREATE MACRO greatest${nullable("greatest")};\n`,
  `CREATE MACRO least${nullable("least")};\n`,
  `CREATE MACRO concat(a, b) AS a || b, (a, b, c) AS a || b || c, (a, b, c, d) AS a || b || c || d,
    (a, b, c, d, e) AS a || b || c || d || e;\n`,
  `CREATE MACRO date_add(unit, n, x DATE) AS CAST(system.main."+"(x, CASE lower(unit) WHEN 'day' THEN to_days(n)
      WHEN 'week' THEN to_days(n * 7) WHEN 'month' THEN to_months(n) WHEN 'year' THEN to_years(n)
      ELSE error('date_add of this unit is not available in local-aws') END) AS DATE),
    (unit, n, x) AS system.main."+"(x, CASE lower(unit) WHEN 'second' THEN to_seconds(n) WHEN 'minute' THEN to_minutes(n)
      WHEN 'hour' THEN to_hours(n) WHEN 'day' THEN to_days(n) WHEN 'week' THEN to_days(n * 7) WHEN 'month' THEN to_months(n)
      WHEN 'year' THEN to_years(n) ELSE error('date_add of this unit is not available in local-aws') END);\n`,
  one("date_diff(unit, a, b)", "date_sub(unit, a, b)"),
  one("date(x)", "CAST(x AS DATE)"),
  one("from_unixtime(n)", "to_timestamp(n)"),
  one("to_unixtime(x)", "epoch(x)"),
  one("from_iso8601_date(x)", "CAST(x AS DATE)"),
  one("from_iso8601_timestamp(x)", "CAST(x AS TIMESTAMPTZ)"),
  one("day_of_week(x)", "isodow(x)"),
  one("dow(x)", "isodow(x)"),
  one("day_of_month(x)", "day(x)"),
  one("day_of_year(x)", "dayofyear(x)"),
  one("week(x)", "weekofyear(x)"),
  one("week_of_year(x)", "weekofyear(x)"),
  one("regexp_like(x, pattern)", "regexp_matches(x, pattern)"),
  one("json_extract_scalar(j, p)", "CASE WHEN json_type(j, p) IN ('OBJECT', 'ARRAY') THEN NULL ELSE j ->> p END"),
  one("cardinality(x)", "len(x)"),
  one("sequence(a, b)", "generate_series(a, b)"),
  one("arbitrary(x)", "any_value(x)"),
  one("max_by(x, y)", "arg_max_null(x, y)"),
  one("min_by(x, y)", "arg_min_null(x, y)"),
  one("every(x)", "bool_and(x)"),
].join("");

/**
 * A date plus or minus an interval stays a date. Made in the query's own `schema`, and only for a query that speaks of
 * intervals: with an operator of several meanings DuckDB 1.5.6 no longer finds the tables behind a CTE whose decimals it adds.
 */
export function dateMacros(tokens: readonly Token[], schema: string): string {
  if (!tokens.some((token) => is(token, "interval"))) return "";
  const macro = (sign: string): string =>
    `CREATE MACRO ${schema}."${sign}"(a DATE, b INTERVAL) AS CAST(system.main."${sign}"(a, b) AS DATE),
      (a, b) AS system.main."${sign}"(a, b), (a) AS system.main."${sign}"(a);\n`;
  return macro("+") + macro("-");
}

/** What Trino's functions are here. Approximate ones are not: a check must not depend on luck. */
export const TRINO: DialectFunctions = {
  same: SAME,
  macros: MACROS,
  translated: words("listagg date_parse date_format"),
  refuse: (name) => new QueryError(`FUNCTION_NOT_FOUND: Function '${name}' is not available in local-aws`),
};

/** Athena's SQL as DuckDB's. `known` are the functions DuckDB has. */
export async function translate(tokens: readonly Token[], known: ReadonlySet<string>): Promise<string> {
  checkFunctions(tokens, TRINO, known);
  const dated = tokenize(rewriteCalls(withoutCatalog(tokens)));
  const listed = dated.some((token, index) => is(token, "listagg") && is(dated[index + 1], "("));
  return listed ? toDuckDb(textOf(dated), "athena") : textOf(dated);
}

/** `awsdatacatalog.` is the one catalog there is. */
const withoutCatalog = (tokens: readonly Token[]): Token[] =>
  tokens.flatMap((token, index) => {
    if (isCatalog(token, tokens[index + 1]) || (is(token, ".") && isCatalog(tokens[index - 1], token))) return [];
    const first = isCatalog(tokens[index - 2], tokens[index - 1]) ? tokens[index - 2] : undefined;
    return [first === undefined ? token : { ...token, before: first.before }];
  });

const isCatalog = (token: Token | undefined, next: Token | undefined): boolean =>
  token !== undefined && token.kind !== "string" && valueOf(token).toLowerCase() === "awsdatacatalog" && is(next, ".");

/** Calls whose arguments change, innermost ones too. */
function rewriteCalls(tokens: readonly Token[]): string {
  let text = "";
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index] as Token;
    const name = token.kind === "word" && is(tokens[index + 1], "(") ? token.text.toLowerCase() : "";
    if (name !== "avg" && name !== "date_parse" && name !== "date_format") {
      text += token.before + token.text;
      continue;
    }
    const end = afterParenthesis(tokens, index + 1);
    const inside = tokens.slice(index + 2, end - 1);
    text += token.before + (name === "avg" ? average(inside) : formatted(name, inside));
    index = end - 1;
  }
  return text;
}

function average(inside: readonly Token[]): string {
  const distinct = is(inside[0], "distinct");
  return `avg(${distinct ? "DISTINCT " : ""}exact_average_only(${rewriteCalls(distinct ? inside.slice(1) : inside)}))`;
}

/** MySQL's letters, as Trino takes them, in strftime's. */
const LETTERS: Readonly<Record<string, string>> = {
  ...Object.fromEntries("Y m d H y j f p a b".split(" ").map((letter) => [letter, letter])),
  i: "M",
  s: "S",
  S: "S",
  T: "H:%M:%S",
  M: "B",
  W: "A",
  e: "-d",
  c: "-m",
  k: "-H",
  h: "I",
  I: "I",
  "%": "%",
};

function formatted(name: string, inside: readonly Token[]): string {
  const [value = [], format = []] = splitAtCommas(inside);
  const [literal, more] = format;
  if (literal?.kind !== "string" || more !== undefined)
    throw new QueryError(`NOT_SUPPORTED: ${name} with a format that is not a literal is not available in local-aws`);
  const letters = valueOf(literal).replaceAll(/%(.)/g, (_whole, letter: string) => {
    const mapped = LETTERS[letter];
    if (mapped === undefined)
      throw new QueryError(`NOT_SUPPORTED: %${letter} in ${name} is not available in local-aws`);
    return `%${mapped}`;
  });
  return `${name === "date_parse" ? "strptime" : "strftime"}(${rewriteCalls(value)}, ${quoteString(letters)})`;
}
