import { is, valueOf } from "../duckdb/tokens.ts";
import type { Token } from "../duckdb/tokens.ts";

/** Whether a partition with this value of a key can hold rows the query wants. */
export interface KeyTest {
  readonly key: string;
  readonly test: (value: string) => boolean;
}

/** Names of partition keys, and whether their values are compared as numbers. */
export type PartitionKeys = ReadonlyMap<string, boolean>;

/** One place where a table is read: all its tests must hold. No test: every partition is wanted. */
export type Reference = readonly KeyTest[];

const CLAUSE_ENDS = ["group", "having", "order", "limit", "offset", "union", "intersect", "except", "window", "fetch"];
const AFTER_TABLE = [
  ...CLAUSE_ENDS,
  "where",
  "join",
  "inner",
  "left",
  "right",
  "full",
  "cross",
  "on",
  "using",
  "tablesample",
];

/**
 * The tests on partition keys that can be read off the query's text, for each place the table is read. It only ever prunes
 * by conditions that stand alone under AND in the WHERE next to the table: the query itself filters the rows again.
 * Null: a mention of the table was not understood, so nothing may be pruned.
 */
export function references(
  tokens: readonly Token[],
  table: { readonly database: string; readonly name: string },
  keys: PartitionKeys,
): Reference[] | null {
  const found: Reference[] = [];
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index] as Token;
    if ((token.kind !== "word" && token.kind !== "quoted") || valueOf(token).toLowerCase() !== table.name) continue;
    // "sales.dt" names the table without reading it.
    if (is(tokens[index + 1], ".")) continue;
    const start = is(tokens[index - 1], ".") ? index - 2 : index;
    if (start !== index && valueOf(tokens[start] as Token).toLowerCase() !== table.database) continue;
    const before = tokens[start - 1];
    if (!is(before, "from") && !is(before, "join") && !is(before, ",")) return null;
    found.push(testsBeside(tokens, index, table.name, keys));
  }
  return found;
}

/** The tests in the WHERE of the SELECT that reads the table whose name is at `index`. */
function testsBeside(tokens: readonly Token[], index: number, name: string, keys: PartitionKeys): KeyTest[] {
  const next = tokens[index + 1];
  const alias = is(next, "as") ? tokens[index + 2] : next;
  const named =
    alias !== undefined &&
    (alias.kind === "quoted" || (alias.kind === "word" && !AFTER_TABLE.some((word) => is(alias, word))));
  const called = named ? valueOf(alias).toLowerCase() : name;
  let alone = is(tokens[index - 1], "from") || (is(tokens[index - 1], ".") && is(tokens[index - 3], "from"));
  let depth = 0;
  for (let at = index + 1; at < tokens.length; at++) {
    const token = tokens[at];
    if (is(token, "(")) depth++;
    if (is(token, ")") && --depth < 0) return [];
    if (depth > 0) continue;
    if (is(token, ",") || is(token, "join")) alone = false;
    if (CLAUSE_ENDS.some((word) => is(token, word))) return [];
    if (is(token, "where")) return testsIn(clause(tokens, at + 1), called, alone, keys);
  }
  return [];
}

function clause(tokens: readonly Token[], from: number): Token[] {
  let depth = 0;
  let end = from;
  for (; end < tokens.length; end++) {
    const token = tokens[end];
    if (is(token, "(")) depth++;
    if (is(token, ")") && --depth < 0) break;
    if (depth === 0 && CLAUSE_ENDS.some((word) => is(token, word))) break;
  }
  return tokens.slice(from, end);
}

function testsIn(where: readonly Token[], called: string, alone: boolean, keys: PartitionKeys): KeyTest[] {
  const parts = conjuncts(where);
  return (parts ?? []).flatMap((part) => {
    const qualified = is(part[1], ".");
    if (qualified ? part[0] === undefined || valueOf(part[0]).toLowerCase() !== called : !alone) return [];
    const [column, ...rest] = qualified ? part.slice(2) : part;
    const key = column === undefined || column.kind === "string" ? "" : valueOf(column).toLowerCase();
    const numeric = keys.get(key);
    const test = numeric === undefined ? null : comparison(rest, numeric ? byNumber : byText);
    return test === null ? [] : [{ key, test }];
  });
}

/** The parts joined by AND; null when there is an OR or a CASE beside them. */
function conjuncts(where: readonly Token[]): Token[][] | null {
  const parts: Token[][] = [[]];
  let depth = 0;
  let between = false;
  for (const token of where) {
    if (is(token, "(")) depth++;
    if (is(token, ")")) depth--;
    if (depth === 0 && (is(token, "or") || is(token, "case"))) return null;
    if (depth === 0 && is(token, "between")) between = true;
    if (depth === 0 && is(token, "and") && !between) parts.push([]);
    else {
      if (depth === 0 && is(token, "and")) between = false;
      parts.at(-1)?.push(token);
    }
  }
  return parts;
}

type Order = (a: string, b: string) => number;
/** ISO dates sort as text. */
const byText: Order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const byNumber: Order = (a, b) => Number(a) - Number(b);

const OPERATORS: Readonly<Record<string, (order: number) => boolean>> = {
  "=": (order) => order === 0,
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0,
};

function comparison(rest: readonly Token[], compare: Order): ((value: string) => boolean) | null {
  const [operator] = rest;
  const holds = operator?.kind === "symbol" ? OPERATORS[operator.text] : undefined;
  if (holds !== undefined) {
    const bound = literal(rest.slice(1));
    return bound === null ? null : (value) => holds(compare(value, bound));
  }
  if (is(operator, "between")) {
    const and = rest.findIndex((token) => is(token, "and"));
    const from = literal(rest.slice(1, and));
    const to = literal(rest.slice(and + 1));
    return and < 0 || from === null || to === null
      ? null
      : (value) => compare(value, from) >= 0 && compare(value, to) <= 0;
  }
  if (is(operator, "in") && is(rest[1], "(") && is(rest.at(-1), ")")) {
    const items = rest.slice(2, -1);
    if (items.some((token, index) => (index % 2 === 0 ? literal([token]) === null : !is(token, ",")))) return null;
    const wanted = items.filter((_token, index) => index % 2 === 0).map(valueOf);
    return (value) => wanted.some((one) => compare(value, one) === 0);
  }
  return null;
}

/** 'x', 7, DATE 'x' or (CAST('x' AS date)). */
function literal(tokens: readonly Token[]): string | null {
  const [first, second] = tokens;
  if (first === undefined) return null;
  if (tokens.length === 1 && (first.kind === "string" || first.kind === "number")) return valueOf(first);
  if (tokens.length === 2 && is(first, "date") && second?.kind === "string") return valueOf(second);
  const cast = tokens.length === 6 && is(first, "cast") && is(tokens[3], "as") && is(tokens[4], "date");
  return cast && tokens[2]?.kind === "string" ? valueOf(tokens[2]) : null;
}
