import type { FastifySchemaCompiler } from "fastify";
import type { z } from "zod";
import type { Json } from "../core/json.ts";
import { isDeeper } from "../core/nesting.ts";
import { invalid, type FieldMistake } from "./answer-error.ts";

const PLACES: Readonly<Record<string, string>> = {
  body: "body",
  querystring: "query",
  params: "path",
  headers: "header",
};

/** Checks a part of a request; what is wrong becomes one 422 that names every field. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart = "body" }) => {
  const place = PLACES[httpPart] ?? httpPart;
  return (data: unknown) => {
    const result = schema.safeParse(data ?? undefined, { reportInput: true });
    if (result.success) return { value: result.data };
    return { error: invalid(result.error.issues.flatMap((issue) => mistakes(place, issue))) };
  };
};

type Issue = z.core.$ZodIssue;

function mistakes(place: string, issue: Issue): FieldMistake[] {
  const loc = [place, ...issue.path.map((part) => (typeof part === "symbol" ? String(part) : part))];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ loc: [...loc, key], msg: unknownKey(place), type: "extra_forbidden" }));
  }
  if (issue.code === "invalid_type" && issue.input === undefined) {
    return [{ loc, msg: "this is missing", type: "missing" }];
  }
  return [{ loc, msg: issue.message.replace(/^Invalid input: /, ""), type: typeOf(issue) }];
}

const unknownKey = (place: string): string =>
  place === "query" ? "this filter does not exist here" : "this key does not exist here";

/** The nearest of Airflow's names. */
function typeOf(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return `${issue.expected}_type`;
    case "invalid_format":
      return issue.format === "datetime" ? "datetime_parsing" : "string_pattern_mismatch";
    case "too_big":
      return issue.origin === "string" ? "string_too_long" : "less_than_equal";
    case "too_small":
      return issue.origin === "string" ? "string_too_short" : "greater_than_equal";
    case "invalid_value":
      return "enum";
    default:
      return "value_error";
  }
}

/** Whether a path or a query holds a NUL, which no text in the database can. */
export const hasNul = (...parts: readonly unknown[]): boolean =>
  parts.some((part) =>
    Object.values(part ?? {})
      .flat()
      .some((text) => typeof text === "string" && text.includes("\0")),
  );

const DEEPEST = 32;

/** Whether JSON is nested deeper than anything here needs: recursion over it would end in a stack overflow. */
export const isTooDeep = (value: unknown): boolean => isDeeper(value as Json, DEEPEST);
