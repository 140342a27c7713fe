import { z } from "zod";
import type { Json, JsonObject } from "../core/json.ts";
import type { OperatorDescriptor } from "../core/operator.ts";
import { dagSchema } from "./schema.ts";

const TEMPLATE: JsonObject = { type: "string", pattern: "\\{[{%]" };
const OPTIONS = { io: "input", target: "draft-7", unrepresentable: "any" } as const;

/** The JSON Schema of a DAG file, for completion in editors: `with` follows the task's operator. */
export function dagJsonSchema(operators: readonly OperatorDescriptor[]): JsonObject {
  const schema = z.toJSONSchema(dagSchema, OPTIONS) as unknown as JsonObject;
  const definitions = schema["definitions"] as JsonObject;
  const task = definitions["task"] as JsonObject;
  const taskProperties = task["properties"] as JsonObject;
  const operator = {
    ...(taskProperties["operator"] as JsonObject),
    enum: operators.map((each) => each.type),
    description: operators.map((each) => `${each.type}: ${each.summary}`).join("\n"),
  };
  const byOperator = operators.map((each) => ({
    if: { properties: { operator: { const: each.type } } },
    then: { properties: { with: withSchema(each) } },
  }));
  return {
    ...schema,
    title: "Nocturne DAG",
    anyOf: [{ required: ["tasks"] }, { required: ["groups"] }],
    definitions: { ...definitions, task: { ...task, properties: { ...taskProperties, operator }, allOf: byOperator } },
  };
}

function withSchema(descriptor: OperatorDescriptor): JsonObject {
  const { $schema: _, ...schema } = z.toJSONSchema(descriptor.params, OPTIONS) as unknown as JsonObject;
  return allowTemplates(schema, true) as JsonObject;
}

/** Lets a template stand for every value but the whole of `with`. */
function allowTemplates(schema: Json, whole = false): Json {
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return schema;
  const inside = Object.fromEntries(
    Object.entries(schema as JsonObject).map(([key, value]): [string, Json] => {
      if (["properties", "patternProperties", "$defs", "definitions"].includes(key)) {
        return [
          key,
          Object.fromEntries(Object.entries(value as JsonObject).map(([name, each]) => [name, allowTemplates(each)])),
        ];
      }
      if (["items", "additionalProperties"].includes(key)) {
        return [key, Array.isArray(value) ? value.map((each: Json) => allowTemplates(each)) : allowTemplates(value)];
      }
      // An alternative of the whole is still the whole.
      if (["anyOf", "oneOf", "allOf"].includes(key))
        return [key, (value as Json[]).map((each) => allowTemplates(each, true))];
      return [key, value];
    }),
  );
  const anyText =
    inside["type"] === "string" && !["pattern", "enum", "const", "format", "maxLength"].some((key) => key in inside);
  if (whole || anyText || Object.keys(inside).length === 0) return inside;
  const { description, default: byDefault, ...rest } = inside;
  return {
    ...(description === undefined ? {} : { description }),
    ...(byDefault === undefined ? {} : { default: byDefault }),
    anyOf: [rest, TEMPLATE],
  };
}
