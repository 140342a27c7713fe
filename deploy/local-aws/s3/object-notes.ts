import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { join } from "node:path";

/** What is known of an object beside its bytes. */
export interface ObjectNote {
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Set by a multipart upload, whose ETag is no md5 of the bytes. */
  readonly etag?: string;
}

/** Notes lie outside the buckets, one file per key; most objects have nothing to note and no file. */
export class ObjectNotes {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Keeps the note for the file with this stamp: another file in its place (an engine wrote it) has none. */
  async put(bucket: string, key: string, stamp: string, note: ObjectNote): Promise<void> {
    if (Object.keys(note).length === 0) return this.remove(bucket, key);
    const path = this.#path(bucket, key);
    await mkdir(join(this.#folder, bucket), { recursive: true });
    await writeFile(`${path}.new`, JSON.stringify({ key, stamp, note }));
    await rename(`${path}.new`, path);
  }

  async get(bucket: string, key: string, stamp: string): Promise<ObjectNote> {
    const text = await readFile(this.#path(bucket, key), "utf8").catch(() => null);
    if (text === null) return {};
    const kept = JSON.parse(text) as { stamp: string; note: ObjectNote };
    return kept.stamp === stamp ? kept.note : {};
  }

  async remove(bucket: string, key: string): Promise<void> {
    await rm(this.#path(bucket, key), { force: true });
  }

  #path(bucket: string, key: string): string {
    return join(this.#folder, bucket, `${createHash("sha256").update(key).digest("hex")}.json`);
  }
}

/** What the headers of an upload say about the object beside its bytes. */
export function noteOf(headers: IncomingHttpHeaders): ObjectNote {
  const metadata = Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => name.startsWith("x-amz-meta-"))
      .map(([name, value]) => [name.slice("x-amz-meta-".length), String(value)]),
  );
  const contentType = headers["content-type"];
  const encoding = String(headers["content-encoding"] ?? "").replace(/,?\s*aws-chunked\s*,?/, "");
  return {
    ...(contentType === undefined || contentType === "application/octet-stream" ? {} : { contentType }),
    ...(encoding === "" ? {} : { contentEncoding: encoding }),
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
  };
}
