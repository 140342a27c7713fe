import { ListObjectsV2Output$, type ListObjectsV2Output, type _Object } from "@aws-sdk/client-s3";
import { AwsError } from "../contract.ts";
import type { Reply } from "../http/reply.ts";
import { etagOf } from "./object-reply.ts";
import type { ObjectStore } from "./object-store.ts";
import type { S3Request } from "./request.ts";
import { xmlReply } from "./xml.ts";

const MOST_KEYS = 1000;

/** ListObjectsV2: keys in byte order, folded into common prefixes by the delimiter, page by page. */
export async function listObjects(store: ObjectStore, { bucket, query }: S3Request): Promise<Reply> {
  const prefix = query.get("prefix") ?? "";
  const delimiter = query.get("delimiter") ?? "";
  const maxKeys = Math.min(MOST_KEYS, readCount(query.get("max-keys")));
  const token = query.get("continuation-token");
  const after = token === null ? (query.get("start-after") ?? "") : Buffer.from(token, "base64url").toString();
  const entries = fold(await store.keys(bucket, prefix), prefix, delimiter);
  const past = Buffer.from(after);
  const rest = after === "" ? entries : entries.filter(({ name }) => Buffer.from(name).compare(past) > 0);
  const page = rest.slice(0, maxKeys);
  const last = page.at(-1);
  const truncated = rest.length > page.length && last !== undefined;
  const encode = query.get("encoding-type") === "url" ? encodeKey : (key: string) => key;

  const contents: _Object[] = [];
  for (const { name } of page.filter((entry) => !entry.folded)) {
    const object = await store.find(bucket, name);
    if (object === null) continue;
    contents.push({
      Key: encode(name),
      LastModified: new Date(object.modifiedMs),
      ETag: etagOf(object),
      Size: object.size,
      StorageClass: "STANDARD",
    });
  }
  const output: ListObjectsV2Output = {
    Name: bucket,
    Prefix: encode(prefix),
    MaxKeys: maxKeys,
    KeyCount: page.length,
    IsTruncated: truncated,
    Contents: contents,
    CommonPrefixes: page.filter((entry) => entry.folded).map(({ name }) => ({ Prefix: encode(name) })),
    ...(delimiter === "" ? {} : { Delimiter: encode(delimiter) }),
    ...(query.get("encoding-type") === "url" ? { EncodingType: "url" } : {}),
    ...(token === null ? {} : { ContinuationToken: token }),
    ...(query.has("start-after") ? { StartAfter: encode(query.get("start-after") ?? "") } : {}),
    ...(truncated ? { NextContinuationToken: Buffer.from(last.name).toString("base64url") } : {}),
  };
  return xmlReply(ListObjectsV2Output$, output);
}

interface Entry {
  readonly name: string;
  readonly folded: boolean;
}

function fold(keys: readonly string[], prefix: string, delimiter: string): readonly Entry[] {
  const entries: Entry[] = [];
  for (const key of keys) {
    const cut = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
    const name = cut === -1 ? key : key.slice(0, cut + delimiter.length);
    // Keys under one common prefix follow each other.
    if (cut === -1 || entries.at(-1)?.name !== name) entries.push({ name, folded: cut !== -1 });
  }
  return entries;
}

function readCount(text: string | null): number {
  if (text === null) return MOST_KEYS;
  if (!/^\d{1,9}$/.test(text)) throw new AwsError("InvalidArgument", "max-keys must be a whole number");
  return Number(text);
}

function encodeKey(key: string): string {
  return encodeURIComponent(key).replace(/%2F/g, "/");
}
