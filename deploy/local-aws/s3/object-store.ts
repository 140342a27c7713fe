import { randomUUID } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { AwsError, type Clock, type S3Files } from "../contract.ts";
import { digestFile, type Digests } from "./digest.ts";
import { ObjectNotes, type ObjectNote } from "./object-notes.ts";

export interface StoredObject extends Digests {
  readonly path: string;
  readonly size: number;
  /** By local-aws's clock, as every time that S3 answers. */
  readonly modifiedMs: number;
  readonly note: ObjectNote;
}

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const KEY_BYTES = 1024;

/**
 * Buckets and keys as folders and files below `home/s3`. What a file cannot say (content type, metadata, a multipart ETag)
 * lies in `home/s3-notes`; whatever is being written lies in `home/s3-temporary` until it is renamed into place,
 * so no reader, and no engine that reads the folder directly, ever sees half an object.
 */
export class ObjectStore implements S3Files {
  readonly root: string;
  readonly #clock: Clock;
  readonly #temporary: string;
  readonly #notes: ObjectNotes;
  /** Digests by path, valid while size and time of change stay: engines write into the folder without asking. */
  readonly #digests = new Map<string, Digests & { readonly stamp: string }>();

  private constructor(home: string, clock: Clock) {
    this.#clock = clock;
    this.root = join(home, "s3");
    this.#temporary = join(home, "s3-temporary");
    this.#notes = new ObjectNotes(join(home, "s3-notes"));
  }

  static async open(home: string, clock: Clock): Promise<ObjectStore> {
    const store = new ObjectStore(resolve(home), clock);
    await mkdir(store.root, { recursive: true });
    // Nothing in here was ever promised to anyone.
    await rm(store.#temporary, { recursive: true, force: true });
    await mkdir(store.#temporary, { recursive: true });
    return store;
  }

  pathOf(uri: string): string {
    const { bucket, key } = parseUri(uri);
    return this.path(bucket, key);
  }

  async list(uri: string): Promise<readonly { readonly uri: string; readonly path: string; readonly size: number }[]> {
    const { bucket, key } = parseUri(uri);
    const found = (await this.keys(bucket, key)).map(async (name) => {
      const path = this.path(bucket, name);
      const file = await stat(path).catch(() => null);
      return file === null ? [] : [{ uri: `s3://${bucket}/${name}`, path, size: file.size }];
    });
    return (await Promise.all(found)).flat();
  }

  async read(uri: string): Promise<Uint8Array> {
    return readFile(this.pathOf(uri)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "EISDIR" || error.code === "ENOTDIR") throw noSuchKey(uri);
      throw error;
    });
  }

  async write(uri: string, body: Uint8Array): Promise<void> {
    const { bucket, key } = parseUri(uri);
    const temporary = this.temporaryPath();
    try {
      await writeFile(temporary, body);
      await this.place(temporary, bucket, key, null, {});
    } finally {
      await rm(temporary, { force: true });
    }
  }

  /** A path nobody reads, on the same file system as the buckets. */
  temporaryPath(): string {
    return join(this.#temporary, randomUUID());
  }

  /** Renames a finished file into place as the object. `digests` null: they are computed when someone asks. */
  async place(file: string, bucket: string, key: string, digests: Digests | null, note: ObjectNote): Promise<void> {
    await this.requireBucket(bucket);
    const target = this.path(bucket, key);
    try {
      await mkdir(dirname(target), { recursive: true });
      await rename(file, target).catch(async (error: NodeJS.ErrnoException) => {
        // Folders that deleted objects left behind do not stand in the way of a key of that name.
        if (error.code !== "EISDIR" || (await this.keys(bucket, `${key}/`)).length > 0) throw error;
        await rm(target, { recursive: true });
        await rename(file, target);
      });
    } catch (error) {
      throw conflict(error, key);
    }
    const { size, mtimeMs } = await stat(target);
    if (digests !== null) this.#remember(target, `${size}:${mtimeMs}`, digests);
    await this.#notes.put(bucket, key, `${size}:${mtimeMs}`, note);
  }

  /** The object, or null when there is none. */
  async find(bucket: string, key: string): Promise<StoredObject | null> {
    const path = this.path(bucket, key);
    const file = await stat(path).catch(() => null);
    if (file === null || !file.isFile()) return null;
    const stamp = `${file.size}:${file.mtimeMs}`;
    const note = await this.#notes.get(bucket, key, stamp);
    const known = this.#digests.get(path);
    const digests = known?.stamp === stamp ? known : await digestFile(path);
    this.#remember(path, stamp, digests);
    const { md5, crc32 } = digests;
    return { path, size: file.size, modifiedMs: this.#clock.at(file.mtimeMs), md5, crc32, note };
  }

  /**
   * Removes the object. Removing what is not there succeeds, as in S3. Folders it leaves empty stay: an engine may be
   * about to write into one, and listings show only files.
   */
  async remove(bucket: string, key: string): Promise<void> {
    await this.requireBucket(bucket);
    const path = this.path(bucket, key);
    await rm(path, { force: true }).catch((error: NodeJS.ErrnoException) => {
      // A folder is no object, and below a file there are none.
      if (!["ERR_FS_EISDIR", "EISDIR", "ENOTDIR"].includes(error.code ?? "")) throw error;
    });
    this.#digests.delete(path);
    await this.#notes.remove(bucket, key);
  }

  /** All keys that start with `prefix`, in the order of their UTF-8 bytes. */
  async keys(bucket: string, prefix: string): Promise<readonly string[]> {
    await this.requireBucket(bucket);
    const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1);
    const start = folder === "" ? join(this.root, bucket) : this.path(bucket, folder);
    return (await collect(start, folder, prefix))
      .map((key) => [key, Buffer.from(key)] as const)
      .sort(([, a], [, b]) => a.compare(b))
      .map(([key]) => key);
  }

  async buckets(): Promise<readonly { readonly name: string; readonly createdMs: number }[]> {
    const names = (await readdir(this.root)).filter((name) => BUCKET.test(name)).sort();
    return Promise.all(
      names.map(async (name) => {
        const { birthtimeMs } = await stat(join(this.root, name));
        return { name, createdMs: this.#clock.at(birthtimeMs) };
      }),
    );
  }

  /** False when it exists already. */
  async createBucket(bucket: string): Promise<boolean> {
    const made = await mkdir(this.#bucketPath(bucket), { recursive: true });
    return made !== undefined;
  }

  async deleteBucket(bucket: string): Promise<void> {
    if ((await this.keys(bucket, "")).length > 0) {
      throw new AwsError("BucketNotEmpty", "The bucket you tried to delete is not empty", 409);
    }
    await rm(this.#bucketPath(bucket), { recursive: true });
  }

  async requireBucket(bucket: string): Promise<void> {
    const found = await stat(this.#bucketPath(bucket)).catch(() => null);
    if (found === null) throw new AwsError("NoSuchBucket", `The specified bucket does not exist: ${bucket}`, 404);
  }

  /** Where the key lies. Refuses what a folder cannot hold, above all a way out of the bucket. */
  path(bucket: string, key: string): string {
    const parts = key.split("/");
    if (key.endsWith("/")) parts.pop();
    if (Buffer.byteLength(key) > KEY_BYTES) throw new AwsError("KeyTooLongError", "Your key is too long");
    if (key.includes("\0") || parts.some((part) => part === "" || part === "." || part === "..")) {
      throw new AwsError("InvalidArgument", `local S3 keeps keys as files and cannot hold this one: ${key}`);
    }
    return join(this.#bucketPath(bucket), ...parts);
  }

  #bucketPath(bucket: string): string {
    if (!BUCKET.test(bucket) || bucket.includes("..")) {
      throw new AwsError("InvalidBucketName", `The specified bucket is not valid: ${bucket}`);
    }
    return join(this.root, bucket);
  }

  #remember(path: string, stamp: string, { md5, crc32 }: Digests): void {
    if (this.#digests.size > 20_000) this.#digests.clear();
    this.#digests.set(path, { stamp, md5, crc32 });
  }
}

export function parseUri(uri: string): { readonly bucket: string; readonly key: string } {
  const match = /^s3[an]?:\/\/([^/]+)(?:\/(.*))?$/s.exec(uri);
  if (match === null) throw new AwsError("InvalidArgument", `not an S3 address: ${uri}`);
  return { bucket: match[1] ?? "", key: match[2] ?? "" };
}

export function noSuchKey(key: string): AwsError {
  return new AwsError("NoSuchKey", `The specified key does not exist: ${key}`, 404);
}

async function collect(folder: string, above: string, prefix: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return [];
    throw error;
  });
  const found = entries.map(async (entry) => {
    const key = `${above}${entry.name}`;
    if (!entry.isDirectory()) return entry.isFile() && key.startsWith(prefix) ? [key] : [];
    const within = `${key}/`.startsWith(prefix) || prefix.startsWith(`${key}/`);
    return within ? collect(join(folder, entry.name), `${key}/`, prefix) : [];
  });
  return (await Promise.all(found)).flat();
}

function conflict(error: unknown, key: string): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (!["EEXIST", "ENOTDIR", "EISDIR", "ENOTEMPTY"].includes(code)) return error;
  const message = `local S3 keeps keys as files: ${key} cannot be both an object and a folder of objects`;
  return new AwsError("InvalidRequest", message, 409);
}
