import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../../engine/core/json.ts";
import { dagJsonSchema } from "../../../engine/dagfile/json-schema.ts";
import { at } from "../../../engine/dagfile/schema-issues.ts";
import { operators } from "./operators.ts";

const schema = dagJsonSchema(operators);
const task = at(schema, ["definitions", "task"]);
const parameters = at(task, ["allOf", 1, "then", "properties", "with"]);
const template = { type: "string", pattern: "\\{[{%]" };

describe("the JSON Schema of a DAG file", () => {
  it("offers every key and every operator, and no other", () => {
    expect(schema).toMatchObject({ additionalProperties: false, required: ["dag"] });
    expect(at(task, ["additionalProperties"])).toBe(false);
    expect(at(task, ["properties", "operator", "enum"])).toEqual(["noop", "job.run"]);
    expect(at(schema, ["properties", "tasks", "additionalProperties"])).toEqual({ $ref: "#/definitions/task" });
  });

  it("checks `with` by the task's operator, and lets a template stand for every parameter", () => {
    expect(at(task, ["allOf", 1, "if"])).toEqual({ properties: { operator: { const: "job.run" } } });
    expect(parameters).toMatchObject({ type: "object", required: ["job"], additionalProperties: false });
    const workers = at(parameters, ["properties", "workers"]) as JsonObject;
    expect(workers).toMatchObject({ default: 2, anyOf: [{ type: "integer", minimum: 1 }, template] });
    expect(at(parameters, ["properties", "job"])).toEqual({ type: "string" });
    expect(at(parameters, ["properties", "target", "anyOf", 1])).toEqual(template);
  });
});
