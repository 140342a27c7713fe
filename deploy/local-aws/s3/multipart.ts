import { createHash, randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import {
  CompletedMultipartUpload$,
  CompleteMultipartUploadOutput$,
  CreateMultipartUploadOutput$,
  ListPartsOutput$,
  type CompletedMultipartUpload,
} from "@aws-sdk/client-s3";
import { AwsError, type Clock } from "../contract.ts";
import type { Reply } from "../http/reply.ts";
import { digestFile } from "./digest.ts";
import { receiveFile } from "./incoming-body.ts";
import type { ObjectStore } from "./object-store.ts";
import { noteOf, type ObjectNote } from "./object-notes.ts";
import type { S3Request } from "./request.ts";
import { readXml, xmlReply } from "./xml.ts";

interface Upload {
  readonly bucket: string;
  readonly key: string;
  readonly note: ObjectNote;
}

/** Uploads in parts: a folder per upload, a file per part. They survive a restart, as AWS's do. */
export class MultipartUploads {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #folder: string;

  constructor(store: ObjectStore, home: string, clock: Clock) {
    this.#clock = clock;
    this.#store = store;
    this.#folder = resolve(home, "s3-uploads");
  }

  async create({ bucket, key, message }: S3Request): Promise<Reply> {
    await this.#store.requireBucket(bucket);
    this.#store.path(bucket, key);
    message.resume();
    const id = randomBytes(24).toString("hex");
    await mkdir(join(this.#folder, id), { recursive: true });
    const upload: Upload = { bucket, key, note: noteOf(message.headers) };
    await writeFile(join(this.#folder, id, "upload.json"), JSON.stringify(upload));
    return xmlReply(CreateMultipartUploadOutput$, { Bucket: bucket, Key: key, UploadId: id });
  }

  async part(request: S3Request): Promise<Reply> {
    const { id } = await this.#open(request);
    const number = Number(request.query.get("partNumber"));
    if (!Number.isInteger(number) || number < 1 || number > 10_000) {
      throw new AwsError("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive");
    }
    const received = await receiveFile(request.message, this.#partPath(id, number));
    return { status: 200, headers: { etag: `"${received.md5}"`, "x-amz-checksum-crc32": received.crc32 }, body: null };
  }

  async list(request: S3Request): Promise<Reply> {
    const { id, upload } = await this.#open(request);
    const numbers = (await readdir(join(this.#folder, id)))
      .map((name) => Number(/^part-(\d+)$/.exec(name)?.[1] ?? 0))
      .filter((number) => number > 0)
      .sort((a, b) => a - b);
    const parts = [];
    for (const number of numbers) {
      const path = this.#partPath(id, number);
      const { size, mtimeMs } = await stat(path);
      const LastModified = new Date(this.#clock.at(mtimeMs));
      parts.push({ PartNumber: number, ETag: `"${(await digestFile(path)).md5}"`, Size: size, LastModified });
    }
    const { bucket, key } = upload;
    return xmlReply(ListPartsOutput$, { Bucket: bucket, Key: key, UploadId: id, IsTruncated: false, Parts: parts });
  }

  /** Joins the named parts in the order given, which must be ascending, and drops the upload. */
  async complete(request: S3Request): Promise<Reply> {
    const { id, upload } = await this.#open(request);
    const body = await readXml<CompletedMultipartUpload>(CompletedMultipartUpload$, await text(request.message));
    const parts = body.Parts ?? [];
    if (parts.length === 0) throw new AwsError("MalformedXML", "The XML names no part.");
    const sums = createHash("md5");
    const paths: string[] = [];
    for (const [index, { PartNumber = 0, ETag = "" }] of parts.entries()) {
      if (PartNumber <= (parts[index - 1]?.PartNumber ?? 0)) {
        throw new AwsError("InvalidPartOrder", "The list of parts was not in ascending order.");
      }
      const path = this.#partPath(id, PartNumber);
      const digests = await digestFile(path).catch(() => null);
      if (digests?.md5 !== ETag.replaceAll('"', "")) {
        throw new AwsError("InvalidPart", `One or more of the specified parts could not be found: ${PartNumber}`);
      }
      sums.update(Buffer.from(digests.md5, "hex"));
      paths.push(path);
    }
    const etag = `${sums.digest("hex")}-${parts.length}`;
    const temporary = this.#store.temporaryPath();
    try {
      for (const path of paths) await pipeline(createReadStream(path), createWriteStream(temporary, { flags: "a" }));
      await this.#store.place(temporary, upload.bucket, upload.key, null, { ...upload.note, etag });
    } finally {
      await rm(temporary, { force: true });
    }
    await rm(join(this.#folder, id), { recursive: true });
    return xmlReply(CompleteMultipartUploadOutput$, { Bucket: upload.bucket, Key: upload.key, ETag: `"${etag}"` });
  }

  async abort(request: S3Request): Promise<void> {
    const { id } = await this.#open(request);
    await rm(join(this.#folder, id), { recursive: true, force: true });
  }

  async #open({ bucket, key, query }: S3Request): Promise<{ readonly id: string; readonly upload: Upload }> {
    const id = query.get("uploadId") ?? "";
    const file = /^[0-9a-f]{48}$/.test(id) ? join(this.#folder, id, "upload.json") : "";
    const content = await readFile(file, "utf8").catch(() => null);
    const upload = content === null ? null : (JSON.parse(content) as Upload);
    if (upload?.bucket !== bucket || upload.key !== key) {
      throw new AwsError("NoSuchUpload", "The specified multipart upload does not exist.", 404);
    }
    return { id, upload };
  }

  #partPath(id: string, number: number): string {
    return join(this.#folder, id, `part-${number}`);
  }
}
