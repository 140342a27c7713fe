import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { RawFile } from "./raw-file.ts";

const SIDE_BY_SIDE = 16;

/** The settings every client of local-aws needs. */
export const localClient = (url: string) => ({
  endpoint: url,
  region: "us-east-1",
  credentials: { accessKeyId: "local", secretAccessKey: "local" },
});

/** Makes the buckets and puts the raw files into the first one. Answers how many files. */
export async function upload(
  url: string,
  buckets: readonly [string, ...string[]],
  files: Iterable<RawFile> | AsyncIterable<RawFile>,
  interrupted: AbortSignal,
): Promise<number> {
  const client = new S3Client({ ...localClient(url), forcePathStyle: true });
  const under = new Set<Promise<unknown>>();
  let count = 0;
  try {
    for (const bucket of buckets) await client.send(new CreateBucketCommand({ Bucket: bucket }));
    for await (const { key, body } of files) {
      interrupted.throwIfAborted();
      if (under.size >= SIDE_BY_SIDE) await Promise.race(under);
      const put = client.send(new PutObjectCommand({ Bucket: buckets[0], Key: key, Body: body }));
      const done: Promise<unknown> = put.finally(() => under.delete(done));
      done.catch(() => undefined);
      under.add(done);
      count += 1;
    }
    await Promise.all(under);
    return count;
  } finally {
    client.destroy();
  }
}
