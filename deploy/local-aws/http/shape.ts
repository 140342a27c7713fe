import { JsonCodec } from "@smithy/core/protocols";
import { NormalizedSchema } from "@smithy/core/schema";
import { AwsError } from "../contract.ts";

/** awsJson writes times as epoch seconds unless the member says otherwise; 7 is that default in the SDK's own clients. */
const codec = new JsonCodec({ timestampFormat: { useTrait: true, default: 7 }, jsonName: false });

type SchemaRef = Parameters<typeof NormalizedSchema.of>[0];

export interface OperationShapes {
  readonly input: NormalizedSchema;
  readonly output: NormalizedSchema;
}

/** The request and answer shapes of an operation, from the SDK package's exports; null for an operation AWS does not have. */
export function operationShapes(schemas: Readonly<Record<string, unknown>>, operation: string): OperationShapes | null {
  const schema = schemas[`${operation}$`];
  // [9, namespace, name, traits, input, output]: 9 is how the SDK marks an operation.
  if (!Array.isArray(schema) || schema[0] !== 9) return null;
  const [, , , , input, output] = schema as unknown[];
  return { input: NormalizedSchema.of(input as SchemaRef), output: NormalizedSchema.of(output as SchemaRef) };
}

/**
 * The request as its shape types it: epoch numbers become Dates, members the service does not know are dropped.
 * Throws SerializationException for a wrong type and ValidationException for a missing required member, as AWS does.
 */
export async function readRequest(shape: NormalizedSchema, body: string): Promise<object> {
  let parsed: unknown;
  try {
    parsed = body === "" ? {} : JSON.parse(body);
  } catch {
    throw new AwsError("SerializationException", "The request is not JSON");
  }
  check(shape, parsed, "");
  const read: unknown = await codec.createDeserializer().read(shape, JSON.stringify(parsed));
  return read ?? {};
}

export function writeAnswer(shape: NormalizedSchema, answer: object): string {
  const serializer = codec.createSerializer();
  serializer.write(shape, answer);
  const text = serializer.flush();
  return typeof text === "string" && text !== "" ? text : "{}";
}

const JSON_TYPES = [
  ["isStringSchema", "string"],
  ["isBooleanSchema", "boolean"],
  ["isNumericSchema", "number"],
  ["isBlobSchema", "string"],
] as const;

function check(shape: NormalizedSchema, value: unknown, path: string): void {
  if (value === null || value === undefined) return;
  if (shape.isStructSchema()) {
    checkStruct(shape, asObject(value, path), path);
  } else if (shape.isMapSchema()) {
    for (const [key, item] of Object.entries(asObject(value, path))) {
      check(shape.getValueSchema(), item, `${path}.${key}`);
    }
  } else if (shape.isListSchema()) {
    if (!Array.isArray(value)) throw wrongType(path, "a list");
    for (const [index, item] of value.entries()) check(shape.getValueSchema(), item, `${path}[${index}]`);
  } else {
    for (const [is, type] of JSON_TYPES) {
      if (shape[is]() && typeof value !== type) throw wrongType(path, `a ${type}`);
    }
  }
}

function checkStruct(shape: NormalizedSchema, value: Readonly<Record<string, unknown>>, path: string): void {
  // A structure's seventh element counts its required members, which come first.
  const required = (shape.getSchema() as readonly unknown[])[6];
  let left = typeof required === "number" ? required : 0;
  for (const [name, member] of shape.structIterator()) {
    const at = path === "" ? name : `${path}.${name}`;
    if (left-- > 0 && (value[name] ?? null) === null && !member.isIdempotencyToken()) {
      throw new AwsError("ValidationException", `${at} is required`);
    }
    check(member, value[name], at);
  }
}

function asObject(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrongType(path, "an object");
  return value as Readonly<Record<string, unknown>>;
}

function wrongType(path: string, expected: string): AwsError {
  return new AwsError("SerializationException", `${path === "" ? "The request" : path} must be ${expected}`);
}
