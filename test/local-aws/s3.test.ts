import { createHash, randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  paginateListObjectsV2,
  PutObjectCommand,
  UploadPartCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { describe, expect, test } from "vitest";
import { clientsOf, startServer, temporaryHome } from "./start.ts";

const Bucket = "lake";

async function bucket(): Promise<{ readonly s3: S3Client; readonly home: string; readonly url: string }> {
  const home = await temporaryHome();
  const { url } = await startServer({ home });
  const { s3 } = clientsOf(url);
  await s3.send(new CreateBucketCommand({ Bucket }));
  return { s3, home, url };
}

async function bodyOf(s3: S3Client, Key: string, Range?: string): Promise<string> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key, ...(Range === undefined ? {} : { Range }) }));
  return (await Body?.transformToString()) ?? "";
}

describe("objects", () => {
  test("what was put comes back with its type, metadata and ETag", async () => {
    const { s3 } = await bucket();
    const Key = "raw/sales/dt=2026-01-01/é a+b&c.csv";
    await s3.send(
      new PutObjectCommand({ Bucket, Key, Body: "a,b\n1,2\n", ContentType: "text/csv", Metadata: { night: "one" } }),
    );
    expect(await bodyOf(s3, Key)).toBe("a,b\n1,2\n");
    expect(await s3.send(new HeadObjectCommand({ Bucket, Key }))).toMatchObject({
      ContentLength: 8,
      ContentType: "text/csv",
      Metadata: { night: "one" },
      ETag: `"${createHash("md5").update("a,b\n1,2\n").digest("hex")}"`,
    });
  });

  test("a streamed upload loses its chunk frames, also when frames are split anywhere", async () => {
    const { s3 } = await bucket();
    const bytes = randomBytes(300_001);
    const Body = Readable.from([bytes.subarray(0, 1), bytes.subarray(1, 70_000), bytes.subarray(70_000)]);
    await s3.send(new PutObjectCommand({ Bucket, Key: "big", Body, ContentLength: bytes.length }));
    const { Body: back } = await s3.send(new GetObjectCommand({ Bucket, Key: "big" }));
    expect(Buffer.from((await back?.transformToByteArray()) ?? []).equals(bytes)).toBe(true);
  });

  test("a range answers its part, and one past the end is refused", async () => {
    const { s3 } = await bucket();
    await s3.send(new PutObjectCommand({ Bucket, Key: "digits", Body: "0123456789" }));
    expect(await bodyOf(s3, "digits", "bytes=2-4")).toBe("234");
    expect(await bodyOf(s3, "digits", "bytes=-3")).toBe("789");
    expect(await bodyOf(s3, "digits", "bytes=8-")).toBe("89");
    await expect(bodyOf(s3, "digits", "bytes=10-")).rejects.toMatchObject({ name: "InvalidRange" });
  });

  test("an empty object is an object", async () => {
    const { s3 } = await bucket();
    await s3.send(new PutObjectCommand({ Bucket, Key: "empty", Body: "" }));
    expect(await bodyOf(s3, "empty")).toBe("");
  });

  test("a file an engine writes into the folder is an object with a fresh ETag", async () => {
    const { s3, home } = await bucket();
    await s3.send(new PutObjectCommand({ Bucket, Key: "out/part", Body: "one", ContentType: "text/plain" }));
    const before = await s3.send(new HeadObjectCommand({ Bucket, Key: "out/part" }));
    await mkdir(join(home, "s3", Bucket, "out"), { recursive: true });
    await writeFile(join(home, "s3", Bucket, "out/part"), "another");
    const after = await s3.send(new HeadObjectCommand({ Bucket, Key: "out/part" }));
    expect(after.ETag).not.toBe(before.ETag);
    expect(after.ContentType).toBe("application/octet-stream");
    expect(await bodyOf(s3, "out/part")).toBe("another");
  });

  test("a copy keeps bytes and metadata; a deleted object is gone; deleting nothing succeeds", async () => {
    const { s3 } = await bucket();
    await s3.send(new PutObjectCommand({ Bucket, Key: "a b/one", Body: "1", Metadata: { k: "v" } }));
    await s3.send(new CopyObjectCommand({ Bucket, Key: "two", CopySource: `${Bucket}/a%20b/one` }));
    expect((await s3.send(new HeadObjectCommand({ Bucket, Key: "two" }))).Metadata).toEqual({ k: "v" });
    await s3.send(new DeleteObjectCommand({ Bucket, Key: "two" }));
    await s3.send(new DeleteObjectCommand({ Bucket, Key: "two" }));
    await expect(bodyOf(s3, "two")).rejects.toMatchObject({ name: "NoSuchKey" });
    await expect(s3.send(new HeadObjectCommand({ Bucket, Key: "two" }))).rejects.toMatchObject({ name: "NotFound" });
    const Objects = [{ Key: "a b/one" }, { Key: "never there" }];
    const deleted = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(deleted.Deleted).toEqual(Objects);
  });

  test("if-none-match keeps the first writer's object", async () => {
    const { s3 } = await bucket();
    await s3.send(new PutObjectCommand({ Bucket, Key: "once", Body: "1", IfNoneMatch: "*" }));
    const second = s3.send(new PutObjectCommand({ Bucket, Key: "once", Body: "2", IfNoneMatch: "*" }));
    await expect(second).rejects.toMatchObject({ name: "PreconditionFailed" });
    expect(await bodyOf(s3, "once")).toBe("1");
  });

  test("a wrong checksum is refused and leaves nothing", async () => {
    const { s3 } = await bucket();
    const put = new PutObjectCommand({ Bucket, Key: "sum", Body: "text", ChecksumCRC32: "AAAAAA==" });
    await expect(s3.send(put)).rejects.toMatchObject({ name: "BadDigest" });
    expect((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);
  });

  test.each(["../../outside", "a/../../b", "a//b", "./a", "a/"])("the key %j is refused", async (Key) => {
    const { url } = await bucket();
    const { s3 } = clientsOf(url);
    const put = s3.send(new PutObjectCommand({ Bucket, Key, Body: "x" }));
    await expect(put).rejects.toMatchObject({ name: "InvalidArgument" });
    const listed = await s3.send(new ListObjectsV2Command({ Bucket }));
    expect(listed.KeyCount).toBe(0);
  });
});

describe("listings", () => {
  test("pages come in byte order, without gaps or repeats", async () => {
    const { s3 } = await bucket();
    const keys = ["a-b", "a/1", "a/2", "a0", "b/c/d", "B", "é", "z"];
    for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
    const seen: string[] = [];
    for await (const page of paginateListObjectsV2({ client: s3, pageSize: 3 }, { Bucket })) {
      seen.push(...(page.Contents ?? []).map(({ Key }) => Key ?? ""));
    }
    expect(seen).toEqual(keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
  });

  test("a delimiter folds keys into prefixes, over pages too", async () => {
    const { s3 } = await bucket();
    for (const Key of ["p/a/1", "p/a/2", "p/b", "p/c/1", "q/1"]) {
      await s3.send(new PutObjectCommand({ Bucket, Key, Body: "x" }));
    }
    const seen: string[] = [];
    const request = { Bucket, Prefix: "p/", Delimiter: "/" };
    for await (const page of paginateListObjectsV2({ client: s3, pageSize: 1 }, request)) {
      seen.push(...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix ?? ""));
      seen.push(...(page.Contents ?? []).map(({ Key }) => Key ?? ""));
    }
    expect(seen).toEqual(["p/a/", "p/b", "p/c/"]);
  });

  test("a prefix need not end at a folder, and start-after begins past a key", async () => {
    const { s3 } = await bucket();
    for (const Key of ["raw/dt=1/x", "raw/dt=10/x", "raw/dt=2/x"]) {
      await s3.send(new PutObjectCommand({ Bucket, Key, Body: "x" }));
    }
    const dt1 = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "raw/dt=1" }));
    expect(dt1.Contents?.map(({ Key }) => Key)).toEqual(["raw/dt=1/x", "raw/dt=10/x"]);
    const rest = await s3.send(new ListObjectsV2Command({ Bucket, StartAfter: "raw/dt=10/x" }));
    expect(rest.Contents?.map(({ Key }) => Key)).toEqual(["raw/dt=2/x"]);
  });
});

describe("buckets", () => {
  test("are listed, made twice without harm in us-east-1, and missed by name", async () => {
    const { s3 } = await bucket();
    expect((await s3.send(new ListBucketsCommand({}))).Buckets?.map(({ Name }) => Name)).toEqual([Bucket]);
    await s3.send(new HeadBucketCommand({ Bucket }));
    await s3.send(new PutObjectCommand({ Bucket, Key: "kept", Body: "x" }));
    await s3.send(new CreateBucketCommand({ Bucket }));
    expect((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(1);
    const missing = s3.send(new PutObjectCommand({ Bucket: "nowhere", Key: "k", Body: "x" }));
    await expect(missing).rejects.toMatchObject({ name: "NoSuchBucket" });
  });
});

describe("multipart uploads", () => {
  test("parts become one object, in order, when completed", async () => {
    const { s3 } = await bucket();
    const Key = "joined";
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ContentType: "text/plain" }));
    const Parts = [];
    for (const [PartNumber, Body] of [
      [2, "world"],
      [1, "hello "],
    ] as const) {
      const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
      Parts.unshift({ PartNumber, ETag });
    }
    expect((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);
    const upload = { Bucket, Key, UploadId, MultipartUpload: { Parts } };
    const { ETag } = await s3.send(new CompleteMultipartUploadCommand(upload));
    expect(ETag).toMatch(/^"[0-9a-f]{32}-2"$/);
    expect(await bodyOf(s3, Key)).toBe("hello world");
    expect(await s3.send(new HeadObjectCommand({ Bucket, Key }))).toMatchObject({ ETag, ContentType: "text/plain" });
  });

  test("an aborted upload leaves nothing and is unknown afterwards", async () => {
    const { s3 } = await bucket();
    const Key = "never";
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: "x" }));
    await s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
    const again = s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: "x" }));
    await expect(again).rejects.toMatchObject({ name: "NoSuchUpload" });
  });
});
