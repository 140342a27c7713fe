/**
 * What the parts of local-aws agree on. Nothing here knows Nocturne: it is AWS's side of the wire.
 */

/** Scaled time, in milliseconds since the epoch: every timestamp a service answers comes from here. */
export interface Clock {
  /** How many milliseconds of it pass in one of the wall's. */
  readonly factor: number;
  now(): number;
  /** What it read, or will read, at a moment of the wall's clock: when a file was changed. */
  at(real: number): number;
}

/** S3 as a folder: a bucket is a folder, a key is a file below it. */
export interface S3Files {
  /** The folder that holds the buckets; runners rewrite s3:// to it. */
  readonly root: string;
  /** The local path of s3://bucket/key. Throws on a key that would leave the bucket. */
  pathOf(uri: string): string;
  /** Objects whose key starts with the URI's key, in key order. `s3://b/p` means p*, `s3://b/p/` everything below. */
  list(uri: string): Promise<readonly { readonly uri: string; readonly path: string; readonly size: number }[]>;
  read(uri: string): Promise<Uint8Array>;
  /** Written beside the target and renamed: a reader sees the old object or the new one. */
  write(uri: string, body: Uint8Array): Promise<void>;
}

/** What survives a kill of local-aws: documents by kind and id, appended to a file and replayed at start. */
export interface Journal {
  put(kind: string, id: string, document: unknown): void;
  all(kind: string): ReadonlyMap<string, unknown>;
  /** Resolves once everything put so far is on disk. Await it before an answer promises something. */
  flushed(): Promise<void>;
}

/** One remote job as GET /_local/runs lists it: what tests count to prove "exactly one per launch key". */
export interface RemoteJob {
  readonly service: string;
  readonly id: string;
  readonly name: string;
  /** From the argument, token, name or tag in which the client put it; null when there is none. */
  readonly launchKey: string | null;
  readonly state: string;
  readonly startedAt: number;
  readonly endedAt: number | null;
}

/** An answer that is an error of the service: 4xx unless the code says otherwise. */
export class AwsError extends Error {
  readonly code: string;
  readonly httpStatus: number;
  /** Further members of the error's shape, such as AthenaErrorCode. */
  readonly members: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, httpStatus = 400, members: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.code = code;
    this.httpStatus = httpStatus;
    this.members = members;
  }
}

export interface Call {
  readonly operation: string;
  readonly requestId: string;
}

/** An operation of a JSON service. The input has passed the SDK's own schema; Dates in the answer become epoch seconds. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each handler names the SDK's own input type
export type Operation = (input: any, call: Call) => Promise<object>;

/** A service that speaks awsJson1.1 or 1.0, routed by X-Amz-Target. */
export interface JsonService {
  readonly name: string;
  /** "AWSGlue", "RedshiftData": what stands before the dot of X-Amz-Target. */
  readonly targetPrefix: string;
  /** Everything the SDK's package exports; requests and answers are shaped by the schemas among it. */
  readonly schemas: Readonly<Record<string, unknown>>;
  readonly operations: Readonly<Record<string, Operation>>;
  remoteJobs(): readonly RemoteJob[];
  /** Takes up what the journal says was running when the process died. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface ServiceDependencies {
  /** A folder of the service's own. */
  readonly home: string;
  readonly region: string;
  readonly accountId: string;
  readonly clock: Clock;
  readonly s3: S3Files;
  readonly journal: Journal;
  /** Threads DuckDB may use for one query. */
  readonly threads: number;
}

/** What a runner process is asked to do, one job at a time. */
export interface RunnerJob {
  /** run_sql.py's arguments, `--key value` as a map: sql, input.<name>, output.<name>, param.<name>. */
  readonly arguments: Readonly<Record<string, string>>;
  readonly s3Root: string;
  readonly threads: number;
}

/** What a runner process says: log lines while it works, then how it ended. */
export type RunnerMessage =
  { readonly kind: "log"; readonly line: string } | { readonly kind: "ended"; readonly error: string | null };
