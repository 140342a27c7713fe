import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { Transform, type TransformCallback } from "node:stream";
import { pipeline } from "node:stream/promises";
import { AwsError } from "../contract.ts";
import { Digester, type Digests } from "./digest.ts";

export interface ReceivedFile extends Digests {
  readonly size: number;
}

/**
 * Streams the body of an upload into `path`, taking off the aws-chunked frame, and checks the checksums that came along.
 * Leaves no file behind when it throws.
 */
export async function receiveFile(request: IncomingMessage, path: string): Promise<ReceivedFile> {
  try {
    return await receive(request, path);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

async function receive(request: IncomingMessage, path: string): Promise<ReceivedFile> {
  const header = (name: string) => String(request.headers[name] ?? "");
  const digester = new Digester();
  const sha256 = createHash("sha256");
  let size = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      digester.update(chunk);
      sha256.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  const framed = header("x-amz-content-sha256").startsWith("STREAMING-");
  const frames = new ChunkedFrames();
  const file = createWriteStream(path);
  await (framed ? pipeline(request, frames, measure, file) : pipeline(request, measure, file));
  const digests = digester.finish();
  const expected = {
    md5: header("content-md5"),
    crc32: header("x-amz-checksum-crc32") || (frames.trailers["x-amz-checksum-crc32"] ?? ""),
    sha256: /^[0-9a-f]{64}$/.test(header("x-amz-content-sha256")) ? header("x-amz-content-sha256") : "",
  };
  const bad =
    (expected.md5 !== "" && Buffer.from(expected.md5, "base64").toString("hex") !== digests.md5) ||
    (expected.crc32 !== "" && expected.crc32 !== digests.crc32) ||
    (framed &&
      header("x-amz-decoded-content-length") !== "" &&
      Number(header("x-amz-decoded-content-length")) !== size);
  if (bad) throw new AwsError("BadDigest", "The checksum you specified did not match what we received.");
  if (expected.sha256 !== "" && expected.sha256 !== sha256.digest("hex")) {
    throw new AwsError("XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' does not match the body.");
  }
  return { ...digests, size };
}

/** Takes apart `SIZE[;extension]\r\nDATA\r\n … 0\r\n trailer: value\r\n\r\n`. */
class ChunkedFrames extends Transform {
  readonly trailers: Record<string, string> = {};
  #line = "";
  #left = 0;
  #state: "size" | "data" | "data_end" | "trailer" = "size";

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    try {
      let at = 0;
      while (at < chunk.length) at = this.#state === "data" ? this.#data(chunk, at) : this.#text(chunk, at);
      done();
    } catch (error) {
      done(error as Error);
    }
  }

  override _flush(done: TransformCallback): void {
    done(this.#state === "trailer" ? null : new AwsError("IncompleteBody", "The body ended before its last chunk."));
  }

  #data(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    this.push(chunk.subarray(at, end));
    this.#left -= end - at;
    if (this.#left === 0) this.#state = "data_end";
    return end;
  }

  #text(chunk: Buffer, at: number): number {
    const newline = chunk.indexOf(10, at);
    this.#line += chunk.toString("latin1", at, newline === -1 ? chunk.length : newline);
    if (this.#line.length > 8192) throw new AwsError("InvalidRequest", "A chunk header is too long.");
    if (newline === -1) return chunk.length;
    const line = this.#line.trim();
    this.#line = "";
    if (this.#state === "trailer") this.#trailer(line);
    else if (this.#state === "data_end") this.#state = "size";
    else this.#size(line);
    return newline + 1;
  }

  #size(line: string): void {
    const size = /^([0-9a-f]+)(;.*)?$/i.exec(line)?.[1];
    if (size === undefined) throw new AwsError("InvalidRequest", "A chunk header is not a size.");
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? "trailer" : "data";
  }

  #trailer(line: string): void {
    const colon = line.indexOf(":");
    if (colon > 0) this.trailers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
}
