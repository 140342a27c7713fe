import { createHash } from "node:crypto";

export { canonicalJson } from "../core/canonical-json.ts";

/** SHA-256 in hexadecimal. */
export const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");
