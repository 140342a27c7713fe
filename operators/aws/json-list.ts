import type { Json } from "../../engine/core/json.ts";
import type { Connection } from "../../engine/core/operator.ts";
import { s3Of, s3Parts } from "./s3.ts";

const MOST_BYTES = 16 * 1024 * 1024;

/** A list that lies in S3: a JSON array, or one JSON document a line. At most 16 MiB. An exception says what is wrong with it. */
export async function readJsonList(uri: string, connection: Connection, signal: AbortSignal): Promise<readonly Json[]> {
  const { client, sdk } = await s3Of(connection);
  const answer = await client.send(new sdk.GetObjectCommand(s3Parts(uri)), { abortSignal: signal });
  const bytes = answer.ContentLength ?? 0;
  if (bytes > MOST_BYTES) throw new Error(`the list has ${bytes} bytes; at most ${MOST_BYTES} are read`);
  return listIn((await answer.Body?.transformToString()) ?? "");
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
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw new Error(`expected a JSON array, or one JSON document a line; this is no JSON${where}`);
  }
}
