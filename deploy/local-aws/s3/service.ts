import { copyFile, rm } from "node:fs/promises";
import { text } from "node:stream/consumers";
import {
  CopyObjectResult$,
  Delete$,
  DeleteObjectsOutput$,
  ListBucketsOutput$,
  type Delete,
  type DeleteObjectsOutput,
} from "@aws-sdk/client-s3";
import { AwsError, type Clock, type ServiceDependencies } from "../contract.ts";
import type { Reply } from "../http/reply.ts";
import { receiveFile } from "./incoming-body.ts";
import { listObjects } from "./listing.ts";
import { MultipartUploads } from "./multipart.ts";
import { objectReply } from "./object-reply.ts";
import { noSuchKey, type ObjectStore, type StoredObject } from "./object-store.ts";
import { noteOf } from "./object-notes.ts";
import type { S3Request } from "./request.ts";
import { readXml, xmlReply } from "./xml.ts";

const EMPTY: Reply = { status: 200, headers: {}, body: null };
const NO_CONTENT: Reply = { ...EMPTY, status: 204 };

type Handler = (request: S3Request) => Promise<Reply>;

/** The S3 operations over a folder of files. */
export class S3Service {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #region: string;
  readonly #uploads: MultipartUploads;
  readonly operations: Readonly<Record<string, Handler>>;

  constructor(store: ObjectStore, home: string, { region, clock }: Pick<ServiceDependencies, "region" | "clock">) {
    this.#clock = clock;
    this.#region = region;
    this.#store = store;
    this.#uploads = new MultipartUploads(store, home, clock);
    this.operations = {
      ListBuckets: () => this.#listBuckets(),
      CreateBucket: (request) => this.#createBucket(request),
      HeadBucket: (request) => store.requireBucket(request.bucket).then(() => withRegion(region)),
      DeleteBucket: (request) =>
        store
          .requireBucket(request.bucket)
          .then(() => store.deleteBucket(request.bucket))
          .then(() => NO_CONTENT),
      GetBucketLocation: async (request) => {
        await store.requireBucket(request.bucket);
        // us-east-1 is written as no constraint at all.
        const location = region === "us-east-1" ? "" : region;
        const body = `<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${location}</LocationConstraint>`;
        return { status: 200, headers: { "content-type": "application/xml" }, body };
      },
      ListObjectsV2: (request) => listObjects(store, request),
      PutObject: (request) => this.#put(request),
      CopyObject: (request) => this.#copy(request),
      GetObject: async (request) => objectReply(await this.#get(request), request, true),
      HeadObject: async (request) => objectReply(await this.#get(request), request, false),
      DeleteObject: (request) => store.remove(request.bucket, request.key).then(() => NO_CONTENT),
      DeleteObjects: (request) => this.#deleteObjects(request),
      CreateMultipartUpload: (request) => this.#uploads.create(request),
      UploadPart: (request) => this.#uploads.part(request),
      ListParts: (request) => this.#uploads.list(request),
      CompleteMultipartUpload: (request) => this.#uploads.complete(request),
      AbortMultipartUpload: (request) => this.#uploads.abort(request).then(() => NO_CONTENT),
    };
  }

  async #listBuckets(): Promise<Reply> {
    const buckets = await this.#store.buckets();
    return xmlReply(ListBucketsOutput$, {
      Buckets: buckets.map(({ name, createdMs }) => ({ Name: name, CreationDate: new Date(createdMs) })),
      Owner: { ID: "local", DisplayName: "local" },
    });
  }

  async #createBucket({ bucket, message }: S3Request): Promise<Reply> {
    message.resume();
    // us-east-1 alone answers 200 to whoever owns it already. Source: the CreateBucket API reference.
    if (!(await this.#store.createBucket(bucket)) && this.#region !== "us-east-1") {
      throw new AwsError("BucketAlreadyOwnedByYou", "The bucket exists already and you own it.", 409);
    }
    return { ...EMPTY, headers: { location: `/${bucket}` } };
  }

  async #get({ bucket, key }: S3Request): Promise<StoredObject> {
    await this.#store.requireBucket(bucket);
    const found = key.endsWith("/") ? null : await this.#store.find(bucket, key);
    if (found === null) throw noSuchKey(key);
    return found;
  }

  async #put({ bucket, key, message }: S3Request): Promise<Reply> {
    await this.#store.requireBucket(bucket);
    if (key.endsWith("/")) {
      throw new AwsError("InvalidArgument", `local S3 keeps keys as files and cannot hold one that ends in /: ${key}`);
    }
    if (message.headers["if-none-match"] === "*" && (await this.#store.find(bucket, key)) !== null) {
      throw new AwsError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", 412);
    }
    const temporary = this.#store.temporaryPath();
    try {
      const received = await receiveFile(message, temporary);
      await this.#store.place(temporary, bucket, key, received, noteOf(message.headers));
      return { ...EMPTY, headers: { etag: `"${received.md5}"`, "x-amz-checksum-crc32": received.crc32 } };
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async #copy({ bucket, key, message }: S3Request): Promise<Reply> {
    const source = decodeURIComponent(String(message.headers["x-amz-copy-source"])).replace(/^\//, "");
    const slash = source.indexOf("/");
    const from = await this.#get({ bucket: source.slice(0, slash), key: source.slice(slash + 1) } as S3Request);
    const temporary = this.#store.temporaryPath();
    try {
      await copyFile(from.path, temporary);
      const replace = message.headers["x-amz-metadata-directive"] === "REPLACE";
      const note = replace ? noteOf(message.headers) : from.note;
      // A copy is one object of one part: its ETag is the md5 even when the source was uploaded in parts.
      const { etag: _, ...kept } = note;
      await this.#store.place(temporary, bucket, key, from, kept);
    } finally {
      await rm(temporary, { force: true });
    }
    return xmlReply(CopyObjectResult$, { ETag: `"${from.md5}"`, LastModified: new Date(this.#clock.now()) });
  }

  async #deleteObjects({ bucket, message }: S3Request): Promise<Reply> {
    const { Objects = [], Quiet } = await readXml<Partial<Delete>>(Delete$, await text(message));
    await this.#store.requireBucket(bucket);
    const deleted: { Key: string }[] = [];
    const errors: NonNullable<DeleteObjectsOutput["Errors"]> = [];
    for (const { Key = "" } of Objects) {
      try {
        await this.#store.remove(bucket, Key);
        deleted.push({ Key });
      } catch (error) {
        if (!(error instanceof AwsError)) throw error;
        errors.push({ Key, Code: error.code, Message: error.message });
      }
    }
    return xmlReply(DeleteObjectsOutput$, { ...(Quiet === true ? {} : { Deleted: deleted }), Errors: errors });
  }
}

function withRegion(region: string): Reply {
  return { ...EMPTY, headers: { "x-amz-bucket-region": region } };
}
