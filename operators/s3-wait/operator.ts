import type { Observation, Observed, Operator } from "../../engine/core/operator.ts";
import { classify, isNamed, textOf } from "../aws/errors.ts";
import { s3Of, s3Parts } from "../aws/s3.ts";
import { s3WaitFacts, type S3WaitParams } from "./params.ts";

interface Ref {
  readonly uri: string;
}

interface Found {
  readonly uri: string;
  /** The object that ended the waiting; for a prefix the first one below it. */
  readonly found: string;
  readonly size: number;
  readonly modified_at: string | null;
}

export const s3Wait: Operator<S3WaitParams, Ref, Found> = {
  ...s3WaitFacts,
  batchSize: 50,
  submit: async ({ uri }) => ({ kind: "started", ref: { uri } }),
  observe: (jobs, signal) => Promise.all(jobs.map((job) => look(job, signal))),
  cancel: async () => undefined,
};

async function look({ ref: { uri }, context }: Observed<Ref>, signal: AbortSignal): Promise<Observation<Found>> {
  try {
    const found = await find(context.connection, uri, signal);
    return found === null ? { kind: "running", detail: `waiting for ${uri}` } : { kind: "succeeded", output: found };
  } catch (error) {
    const why = classify(error);
    if (why.kind === "refused") return { kind: "failed", failure: why.failure };
    // The look of one sensor that goes wrong must not blind the others of its batch.
    return { kind: "running", detail: `waiting for ${uri}; the last look failed: ${textOf(error)}` };
  }
}

async function find(connection: Observed["context"]["connection"], uri: string, signal: AbortSignal) {
  const { client, sdk } = await s3Of(connection);
  const { Bucket, Key } = s3Parts(uri);
  const isPrefix = Key.endsWith("/");
  // Keys come in order, so an object is the first of those that begin with its key; the second entry is for a prefix
  // whose first is the empty object that stands for the folder.
  const list = new sdk.ListObjectsV2Command({ Bucket, Prefix: Key, MaxKeys: 2 });
  const { Contents = [] } = await client.send(list, { abortSignal: signal }).catch((error: unknown) => {
    if (isNamed(error, "NoSuchBucket")) error.message = `the bucket ${Bucket} does not exist`;
    throw error;
  });
  const found = Contents.find((object) => (isPrefix ? object.Key !== Key : object.Key === Key));
  if (!found) return null;
  return {
    uri,
    found: `s3://${Bucket}/${found.Key}`,
    size: found.Size ?? 0,
    modified_at: found.LastModified?.toISOString() ?? null,
  };
}
