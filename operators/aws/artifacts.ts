import { createHash } from "node:crypto";
import { basename } from "node:path/posix";
import type { JsonObject } from "../../engine/core/json.ts";
import type { Connection, SubmitContext } from "../../engine/core/operator.ts";
import { required, settingsOf } from "./connection-settings.ts";
import { isNamed } from "./errors.ts";
import { s3Of, s3Parts } from "./s3.ts";

/** What is known to be stored is asked for again after this long: a bucket's lifecycle rule may have removed it. */
const REMEMBERED_MS = 10 * 60_000;

const stored = new WeakMap<JsonObject, Map<string, { readonly at: number; readonly done: Promise<void> }>>();

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
  const ofConnection = stored.get(connection.settings) ?? new Map<string, { at: number; done: Promise<void> }>();
  stored.set(connection.settings, ofConnection);
  const now = Date.now();
  const known = ofConnection.get(uri);
  const storing = known && now - known.at < REMEMBERED_MS ? known : { at: now, done: store(connection, uri, bytes) };
  ofConnection.set(uri, storing);
  storing.done.catch(() => ofConnection.delete(uri));
  await storing.done;
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
