import type { Connection } from "../../engine/core/operator.ts";
import { clientOf } from "./clients.ts";
import { settingsOf } from "./connection-settings.ts";

/** s3://bucket/key in its two parts; the key may be empty. */
export function s3Parts(uri: string): { readonly Bucket: string; readonly Key: string } {
  const [, Bucket = "", Key = ""] = /^s3:\/\/([^/]+)\/?(.*)$/s.exec(uri) ?? [];
  if (Bucket === "") throw new Error(`${uri} is no s3://bucket/key`);
  return { Bucket, Key };
}

/** The connection's S3 client and the package it is of, loaded when first asked for. */
export async function s3Of(connection: Connection) {
  const sdk = await import("@aws-sdk/client-s3");
  // Bucket names as host names exist in AWS only.
  const forcePathStyle = settingsOf(connection).endpoints.s3 !== undefined;
  const client = clientOf(connection, "s3", "look", (config) => new sdk.S3Client({ ...config, forcePathStyle }));
  return { client, sdk };
}
