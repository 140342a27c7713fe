import { AwsError } from "../contract.ts";
import type { Reply } from "../http/reply.ts";
import type { StoredObject } from "./object-store.ts";
import type { S3Request } from "./request.ts";

export function etagOf(object: StoredObject): string {
  return `"${object.note.etag ?? object.md5}"`;
}

/** The object, or the range of it that was asked for, as GetObject and HeadObject answer it. */
export function objectReply(object: StoredObject, { message, query }: S3Request, withBody: boolean): Reply {
  const etag = etagOf(object);
  const { "if-match": ifMatch, "if-none-match": ifNoneMatch, range } = message.headers;
  if (ifMatch !== undefined && ifMatch !== "*" && !ifMatch.includes(etag)) {
    throw new AwsError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412);
  }
  if (ifNoneMatch !== undefined && (ifNoneMatch === "*" || ifNoneMatch.includes(etag))) {
    return { status: 304, headers: { etag }, body: null };
  }
  const part = range === undefined ? null : parseRange(range, object.size);
  const { start, end } = part ?? { start: 0, end: object.size };
  // A checksum speaks of the whole object: beside a range, the SDK would take it for that of the part and fail.
  const checksum =
    part === null && message.headers["x-amz-checksum-mode"] === "ENABLED" && object.note.etag === undefined;
  const metadata = Object.entries(object.note.metadata ?? {}).map(([name, value]) => [`x-amz-meta-${name}`, value]);
  const headers = {
    "content-type": query.get("response-content-type") ?? object.note.contentType ?? "application/octet-stream",
    "content-length": String(end - start),
    "accept-ranges": "bytes",
    "last-modified": new Date(object.modifiedMs).toUTCString(),
    etag,
    ...(object.note.contentEncoding === undefined ? {} : { "content-encoding": object.note.contentEncoding }),
    ...(part === null ? {} : { "content-range": `bytes ${start}-${end - 1}/${object.size}` }),
    ...(checksum ? { "x-amz-checksum-crc32": object.crc32 } : {}),
    ...(Object.fromEntries(metadata) as Record<string, string>),
  };
  return { status: part === null ? 200 : 206, headers, body: withBody ? { path: object.path, start, end } : null };
}

/** `bytes=a-b`, `bytes=a-` or `bytes=-n`; null for what S3 ignores (several ranges, another unit). */
function parseRange(range: string, size: number): { readonly start: number; readonly end: number } | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(range.trim());
  if (match === null || (match[1] === "" && match[2] === "")) return null;
  const [from, to] = [match[1] ?? "", match[2] ?? ""];
  const start = from === "" ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === "" || to === "" ? size : Math.min(size, Number(to) + 1);
  if (start >= size || start >= end) {
    throw new AwsError("InvalidRange", "The requested range is not satisfiable", 416);
  }
  return { start, end };
}
