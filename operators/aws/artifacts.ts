import { createHash } from "node:crypto";
import { basename } from "node:path/posix";
import type { JsonObject } from "../../engine/core/json.ts";
import type { Connection, SubmitContext } from "../../engine/core/operator.ts";
import { required, settingsOf } from "./connection-settings.ts";
import { isNamed } from "./errors.ts";
import { s3Of, s3Parts } from "./s3.ts";

const stored = new WeakMap<JsonObject, Map<string, Promise<void>>>();

/**
 * Puts a file of the DAG below the connection's artifacts, under the hash of its bytes, and answers its URI. The same
 * bytes have one place, so nothing is ever overwritten. An s3:// address is answered as it is.
 */
export async function uploadFile(context: SubmitContext, path: string): Promise<string> {
  if (path.startsWith("s3://")) return path;
  const { connection } = context;
  const artifacts = required(connection, "artifacts", settingsOf(connection).artifacts).replace(/\/+$/, "");
  const bytes = await context.file(path);
  const hash = createHash("sha256").update(bytes).digest("hex");
  const uri = `${artifacts}/${hash}/${basename(path)}`;
  const known = stored.get(connection.settings) ?? new Map<string, Promise<void>>();
  stored.set(connection.settings, known);
  const storing = known.get(uri) ?? store(connection, uri, bytes);
  known.set(uri, storing);
  storing.catch(() => known.delete(uri));
  await storing;
  return uri;
}

/** Uploads every file of a map of names to paths; answers the map of names to URIs. */
export async function uploadFiles(
  context: SubmitContext,
  files: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const uris = Object.entries(files).map(async ([name, path]) => [name, await uploadFile(context, path)] as const);
  return Object.fromEntries(await Promise.all(uris));
}

async function store(connection: Connection, uri: string, bytes: Uint8Array): Promise<void> {
  const { client, sdk } = await s3Of(connection);
  try {
    await client.send(new sdk.HeadObjectCommand(s3Parts(uri)));
  } catch (error) {
    // Without s3:ListBucket a missing object answers 403. The answer to HEAD has no body, so only its status counts.
    const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
    if (!isNamed(error, "NotFound") && status !== 404 && status !== 403) throw error;
    await client.send(new sdk.PutObjectCommand({ ...s3Parts(uri), Body: bytes }));
  }
}
