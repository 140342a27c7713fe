import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** What sql/jobs may use: Spark and DuckDB answer these alike (test/interop/spark-parity.test.ts runs both). */
const FUNCTIONS = [
  ["count", "sum", "max", "min", "abs", "coalesce", "nullif", "trim", "substr", "right"],
  ["regexp_like", "from_utc_timestamp", "row_number", "cast", "try_cast"],
].flat();
const BEFORE_A_PARENTHESIS = ["as", "over", "decimal", "by", "and", "or", "not", "then", "when", "in", "select"];

const folder = new URL("../../sql/jobs/", import.meta.url);
const files = readdirSync(folder).map((name) => ({ name, text: readFileSync(new URL(name, folder), "utf8") }));

/** What breaks the written subset, in words; [] when nothing does. */
function breaches(text: string): string[] {
  const found: string[] = [];
  const refuse = (pattern: RegExp, why: string, inside: string) => {
    for (const [match] of inside.matchAll(pattern)) found.push(`${why}: ${match.trim().slice(0, 60)}`);
  };
  const code = text.replaceAll(/--[^\n]*/g, "");
  // Runners split at semicolons and strip comments without looking into texts.
  refuse(/'[^'\n]*(?:;|--)[^'\n]*'/g, "a semicolon or comment inside a text", text);
  refuse(/'[^'\n]*\\[^'\n]*'/g, "a backslash, which Spark takes for an escape", code);
  const bare = code.replaceAll(/'[^']*'/g, "''");
  refuse(/"|`/g, "a quoted identifier", bare);
  refuse(/\bavg\b/gi, "AVG is a DOUBLE in DuckDB", bare);
  refuse(/\bconcat\w*\(/gi, "|| instead of concat", bare);
  refuse(/\bapprox\w*/gi, "an approximate function", bare);
  refuse(/::/g, "CAST instead of ::", bare);
  refuse(/\bcurrent_\w+|\bnow\(/gi, "a clock", bare);
  refuse(/\b(?:double|float|real)\b/gi, "a type that is not exact", bare);
  for (const [, name] of bare.matchAll(/\b(\w+)\s*\(/g)) {
    const known = [...FUNCTIONS, ...BEFORE_A_PARENTHESIS].includes(name!.toLowerCase());
    if (!known) found.push(`a function outside the subset: ${name}`);
  }
  // Exact only when whole numbers are divided without remainder: CAST((a - a % b) / b AS BIGINT).
  const exact = bare.replaceAll(/CAST\(\((\w+) - \1 % (\w+)\) \/ \2 AS BIGINT\)/g, "");
  refuse(/[^\n]*\/[^\n]*/g, "a division that may leave a remainder", exact);
  for (const [, list] of bare.matchAll(/\bORDER\s+BY\b((?:[^()]|\([^()]*\))*)/gi)) {
    for (const term of list!.split(/,(?![^(]*\))/)) {
      if (!/\b(?:ASC|DESC) NULLS LAST\s*$/.test(term)) found.push(`ORDER BY without NULLS LAST: ${term.trim()}`);
    }
  }
  for (const statement of bare.split(";").map((each) => each.trim())) {
    if (statement !== "" && !/^CREATE OR REPLACE TEMP VIEW \w+ AS\s+SELECT\b/.test(statement)) {
      found.push(`not a view of a SELECT: ${statement.slice(0, 60)}`);
    }
  }
  for (const output of /^-- output: (.+)$/m
    .exec(text)?.[1]!
    .split(",")
    .map((each) => each.trim()) ?? []) {
    const view = new RegExp(`TEMP VIEW ${output} AS\\s+SELECT\\n([\\s\\S]*?)\\nFROM `).exec(bare)?.[1];
    if (view === undefined) found.push(`no view for the output ${output}`);
    for (const column of view?.split("\n") ?? []) {
      if (!/^ {2}CAST\(.* AS [A-Z]+(?:\(\d+, \d+\))?\) AS \w+,?$/.test(column)) {
        found.push(`a column of ${output} that is not CAST: ${column.trim()}`);
      }
    }
  }
  return found;
}

test.each(files)("$name stays inside the SQL that Spark and DuckDB both take", ({ text }) => {
  expect(breaches(text)).toEqual([]);
});

test.each([
  ["SELECT AVG(a) AS a FROM t", /AVG/],
  ["SELECT concat(a, b) AS a FROM t", /\|\|/],
  ["SELECT a / b AS a FROM t", /division/],
  ["SELECT CAST((a - a % c) / b AS BIGINT) AS a FROM t", /division/],
  ["SELECT approx_count_distinct(a) AS a FROM t", /approximate/],
  ["SELECT ROW_NUMBER() OVER (ORDER BY a ASC) AS a FROM t", /NULLS LAST/],
  ["SELECT ROW_NUMBER() OVER (ORDER BY a ASC NULLS LAST, b) AS a FROM t", /NULLS LAST/],
  ["SELECT date_trunc('day', a) AS a FROM t", /date_trunc/],
  ["SELECT regexp_like(a, '^\\d+$') AS a FROM t", /backslash/],
  ["SELECT a::DATE AS a FROM t", /CAST/],
])("the guard sees what does not belong: %s", (select, complaint) => {
  expect(breaches(`CREATE OR REPLACE TEMP VIEW v AS\n${select};`).join("\n")).toMatch(complaint);
});

test("the guard sees an output column without a declared type", () => {
  const text = "-- output: v\nCREATE OR REPLACE TEMP VIEW v AS\nSELECT\n  CAST(a AS DATE) AS a,\n  b\nFROM t;";

  expect(breaches(text)).toEqual(["a column of v that is not CAST: b"]);
});
