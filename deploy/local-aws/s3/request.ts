import type { IncomingMessage } from "node:http";
import { AwsError } from "../contract.ts";

export interface S3Request {
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  /** Its body is not read yet: uploads are streamed to disk. */
  readonly message: IncomingMessage;
}

/** [method, on a key or on a bucket, query parameter that must be there or null, operation]; the first match counts. */
const ROUTES = [
  ["PUT", "key", "uploadId", "UploadPart"],
  ["PUT", "key", null, "PutObject"],
  ["GET", "key", "uploadId", "ListParts"],
  ["GET", "key", null, "GetObject"],
  ["HEAD", "key", null, "HeadObject"],
  ["DELETE", "key", "uploadId", "AbortMultipartUpload"],
  ["DELETE", "key", null, "DeleteObject"],
  ["POST", "key", "uploads", "CreateMultipartUpload"],
  ["POST", "key", "uploadId", "CompleteMultipartUpload"],
  ["GET", "bucket", "list-type", "ListObjectsV2"],
  ["GET", "bucket", "location", "GetBucketLocation"],
  ["POST", "bucket", "delete", "DeleteObjects"],
  ["PUT", "bucket", null, "CreateBucket"],
  ["HEAD", "bucket", null, "HeadBucket"],
  ["DELETE", "bucket", null, "DeleteBucket"],
] as const;

/** Query parameters that ask for something else than the plain operation: never answered as if they were not there. */
const SUBRESOURCES = [
  ...["acl", "attributes", "cors", "encryption", "lifecycle", "logging", "notification", "object-lock", "policy"],
  ...["replication", "restore", "retention", "select", "tagging", "torrent", "uploads", "versioning", "versions"],
  ...["versionId", "website", "legal-hold", "renameObject", "accelerate", "requestPayment"],
];

export function s3Request(message: IncomingMessage, path: string, query: URLSearchParams): S3Request {
  const [, bucket = "", ...key] = path.split("/");
  try {
    return {
      method: message.method ?? "GET",
      bucket: decodeURIComponent(bucket),
      key: decodeURIComponent(key.join("/")),
      query,
      message,
    };
  } catch {
    throw new AwsError("InvalidURI", "Couldn't parse the specified URI.");
  }
}

/** The operation's name, or null when local S3 does not have it. */
export function s3Operation({ method, bucket, key, query, message }: S3Request): string | null {
  if (bucket === "") return method === "GET" ? "ListBuckets" : null;
  const level = key === "" ? "bucket" : "key";
  const route = ROUTES.find(
    ([on, at, parameter]) => on === method && at === level && (parameter === null || query.has(parameter)),
  );
  if (route === undefined || SUBRESOURCES.some((name) => name !== route[2] && query.has(name))) return null;
  const copy = message.headers["x-amz-copy-source"] !== undefined;
  if (copy) return route[3] === "PutObject" ? "CopyObject" : null;
  return route[3];
}
