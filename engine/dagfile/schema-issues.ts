import type { z } from "zod";
import type { ErrorCode } from "../core/errors.ts";
import { nearest } from "../core/similar.ts";
import type { Path } from "./yaml-document.ts";

/** What is wrong at a path of a value, before it has a place in a file. */
export interface Finding {
  readonly code: ErrorCode;
  readonly path: Path;
  readonly part: "key" | "value";
  readonly message: string;
  readonly didYouMean?: string;
  /** The type zod expected and did not get. */
  readonly expected?: string;
}

/** A value, or with "key" the key itself, that has to change. */
export const invalid = (path: Path, message: string, part: Finding["part"] = "value"): Finding => ({
  code: "DAG_INVALID",
  path,
  part,
  message,
});

type Issue = z.core.$ZodIssue;

/** zod's issues in words, with a better spelling where one is near. `value` is what was checked. */
export function findingsOf(issues: readonly Issue[], schema: z.ZodType, value: unknown): Finding[] {
  return issues.flatMap((issue) => flatten(issue)).flatMap((issue) => findingOf(issue, schema, value));
}

/** { a: one, two } is, to YAML, a key "two" without a value: what the author meant as text. */
const commaHint = (key: string, value: unknown): string =>
  value === null && key.includes(" ") ? "; text with a comma must be quoted within { }" : "";

/** Of a union's alternatives, the one that got furthest: that is what the author was writing. */
function flatten(issue: Issue, base: Path = []): (Issue & { readonly path: PropertyKey[] })[] {
  const path = [...base, ...issue.path] as PropertyKey[];
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return [{ ...issue, path }];
  const depth = (branch: readonly Issue[]): number => Math.max(0, ...branch.map((each) => each.path.length));
  const [furthest] = [...issue.errors].sort((a, b) => depth(b) - depth(a) || score(b) - score(a));
  return furthest === undefined ? [{ ...issue, path }] : furthest.flatMap((each) => flatten(each, path as Path));
}

/** A wrong value of the right type says more than a wrong type. */
const score = (branch: readonly Issue[]): number => (branch.some((each) => each.code === "invalid_type") ? 0 : 1);

function findingOf(issue: Issue, schema: z.ZodType, value: unknown): Finding[] {
  const path = issue.path as Path;
  const actual = at(value, path);
  const where = path.at(-1) === undefined ? "" : `${path.at(-1)}: `;
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema, path);
    const inside = path.at(-1) === undefined ? "" : ` in ${path.at(-1)}`;
    return issue.keys.map((key) => ({
      code: "DAG_UNKNOWN_KEY",
      path: [...path, key],
      part: "key",
      message: `${key}: no such key${inside}${commaHint(key, at(value, [...path, key]))}`,
      ...suggestion(key, known),
    }));
  }
  if (issue.code === "invalid_type" && actual === undefined && path.length > 0) {
    return [{ code: "DAG_MISSING_KEY", path, part: "key", message: `${path.at(-1)}: this key is missing` }];
  }
  const invalid = { code: "DAG_INVALID", path, part: issue.code === "invalid_key" ? "key" : "value" } as const;
  if (issue.code === "invalid_type") {
    const message = `${where}expected ${nameOf(issue.expected)}, got ${shown(actual)}`;
    return [{ ...invalid, message, expected: issue.expected }];
  }
  if (issue.code === "invalid_value" || (issue.code === "invalid_union" && "options" in issue)) {
    const options = (issue.code === "invalid_value" ? issue.values : (issue.options as unknown[])).map(String);
    const message = `${where}expected ${options.join(" or ")}, got ${shown(actual)}`;
    return [{ ...invalid, message, ...suggestion(String(actual), options) }];
  }
  if (issue.code === "invalid_key") {
    return [{ ...invalid, message: `${where}${issue.issues[0]?.message ?? issue.message}` }];
  }
  if ((issue.code === "too_small" || issue.code === "too_big") && BOUNDED.includes(issue.origin)) {
    const bound = issue.code === "too_small" ? `at least ${issue.minimum}` : `at most ${issue.maximum}`;
    const open = issue.inclusive === false ? " (and not that itself)" : "";
    return [{ ...invalid, message: `${where}expected ${bound}${open}, got ${shown(actual)}` }];
  }
  // zod's own words are "Too small: expected number to be >=1"; ours begin with "expected".
  const message = issue.message.replace(/^(?:Invalid input|Too small|Too big|Invalid string|Invalid number): /, "");
  return [{ ...invalid, message: `${where}${message}${issue.code === "custom" ? "" : `, got ${shown(actual)}`}` }];
}

const BOUNDED: readonly string[] = ["number", "int", "bigint"];

export const suggestion = (word: string, candidates: Iterable<string>): { didYouMean?: string } => {
  const found = nearest(word, candidates);
  return found === undefined ? {} : { didYouMean: found };
};

/** The value at a path; undefined when there is none. */
export function at(value: unknown, path: Path): unknown {
  let current = value;
  for (const segment of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, segment)) return undefined;
    current = (current as Record<string, unknown>)[String(segment)];
  }
  return current;
}

const NAMES: Readonly<Record<string, string>> = {
  object: "a map",
  record: "a map",
  array: "a list",
  string: "text",
  int: "a whole number",
  number: "a number",
  boolean: "true or false",
};
const nameOf = (type: string): string => NAMES[type] ?? type;

function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a map";
  if (value === undefined || value === null) return "nothing";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** Every key the schema knows at a path, through unions, optionals and transforms: for "did you mean". */
function keysAt(schema: z.ZodType, path: Path): string[] {
  return schemasAt([schema], path).flatMap((each) => (each.type === "object" ? Object.keys(shapeOf(each)) : []));
}

type Definition = z.core.$ZodTypeDef & Readonly<Record<string, unknown>>;
const definition = (schema: unknown): Definition => (schema as { def: Definition }).def;
const shapeOf = (object: Definition): Record<string, unknown> => object["shape"] as Record<string, unknown>;

function schemasAt(schemas: readonly unknown[], path: Path): Definition[] {
  const plain = schemas.flatMap(unwrapped);
  const [segment, ...rest] = path;
  if (segment === undefined) return plain;
  const below = plain.flatMap((each): unknown[] => {
    if (each.type === "object") return [shapeOf(each)[String(segment)]];
    if (each.type === "record") return [each["valueType"]];
    if (each.type === "array") return [each["element"]];
    return [];
  });
  return schemasAt(
    below.filter((each) => each !== undefined),
    rest,
  );
}

function unwrapped(schema: unknown): Definition[] {
  const def = definition(schema);
  if (def["innerType"] !== undefined) return unwrapped(def["innerType"]);
  if (def.type === "pipe") return unwrapped(def["in"]);
  if (def.type === "lazy") return unwrapped((def["getter"] as () => unknown)());
  if (def.type === "union") return (def["options"] as unknown[]).flatMap(unwrapped);
  if (def.type === "intersection") return [def["left"], def["right"]].flatMap(unwrapped);
  return [def];
}
