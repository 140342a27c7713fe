import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { crc32 } from "node:zlib";

/** What S3 tells of an object's bytes: md5 in hex (the ETag), CRC-32 in base64 (the SDK's checksum). */
export interface Digests {
  readonly md5: string;
  readonly crc32: string;
}

/** Computes both in one pass over the bytes. */
export class Digester {
  readonly #md5: Hash = createHash("md5");
  #crc32 = 0;

  update(bytes: Uint8Array): void {
    this.#md5.update(bytes);
    this.#crc32 = crc32(bytes, this.#crc32);
  }

  finish(): Digests {
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(this.#crc32);
    return { md5: this.#md5.digest("hex"), crc32: sum.toString("base64") };
  }
}

export async function digestFile(path: string): Promise<Digests> {
  const digester = new Digester();
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) digester.update(chunk as Uint8Array);
  return digester.finish();
}
