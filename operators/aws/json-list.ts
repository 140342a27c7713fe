import type { Json } from "../../engine/core/json.ts";
import { isDeeper, MOST_LEVELS } from "../../engine/core/nesting.ts";
import type { Connection } from "../../engine/core/operator.ts";
import { s3Of, s3Parts } from "./s3.ts";

const MOST_BYTES = 16 * 1024 * 1024;

/** A list that lies in S3: a JSON array, or one JSON document a line. At most 16 MiB. An exception says what is wrong with it. */
export async function readJsonList(uri: string, connection: Connection, signal: AbortSignal): Promise<readonly Json[]> {
  const { client, sdk } = await s3Of(connection);
  const answer = await client.send(new sdk.GetObjectCommand(s3Parts(uri)), { abortSignal: signal });
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // An answer need not say its length, and what it says need not be true.
  for await (const chunk of (answer.Body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES)
      throw new Error(`the list has more than ${MOST_BYTES} bytes, which are the most that is read`);
    chunks.push(chunk);
  }
  return listIn(Buffer.concat(chunks).toString("utf8"));
}

/** The items of a text that is a JSON array, or has one JSON document a line. */
export function listIn(text: string): readonly Json[] {
  if (!text.trimStart().startsWith("[")) {
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    return lines.map((line, index) => parsed(line, ` in line ${index + 1}`));
  }
  const list = parsed(text, "");
  return Array.isArray(list) ? (list as Json[]) : [];
}

function parsed(text: string, where: string): Json {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    throw new Error(`expected a JSON array, or one JSON document a line; this is no JSON${where}`);
  }
  if (isDeeper(value, MOST_LEVELS)) throw new Error(`the list is nested more than ${MOST_LEVELS} levels deep${where}`);
  return value;
}
