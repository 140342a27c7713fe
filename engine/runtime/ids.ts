import { hash, randomBytes } from "node:crypto";

let lastAt = 0;
let sequence = 0;

/** A UUIDv7: time-ordered, also within one millisecond. */
export function newRunId(now: number): string {
  sequence = now === lastAt ? sequence + 1 : 0;
  lastAt = now;
  const bytes = randomBytes(16);
  bytes.writeUIntBE(now, 0, 6);
  bytes.writeUInt16BE(0x7000 | (sequence & 0xfff), 6);
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8);
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** SHA-256 in hexadecimal. */
export const sha256 = (text: string): string => hash("sha256", text);
