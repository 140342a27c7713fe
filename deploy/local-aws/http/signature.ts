import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { AwsError } from "../contract.ts";

/** The one key pair local-aws knows. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface SignedRequest {
  readonly method: string;
  /** As sent, still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** null when the body is streamed: then only S3's x-amz-content-sha256 header says what was signed. */
  readonly body: string | null;
}

interface Claim {
  readonly accessKeyId: string;
  /** date/region/service/aws4_request */
  readonly scope: string;
  readonly signedHeaders: string;
  readonly signature: string;
  readonly date: string;
  readonly presigned: boolean;
}

const CREDENTIAL = /Credential=([^/,\s]+)\/([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]+)/;

/**
 * Checks Signature Version 4, in the header or in a presigned URL, against the one key pair.
 * Throws with the codes that AWS uses: S3 has its own for a wrong key and a wrong secret.
 * The request's age is not checked, so that a client with a skewed clock meets only the faults it was promised.
 */
export class SignatureCheck {
  readonly #credentials: Credentials;
  readonly #keys = new Map<string, Buffer>();

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  check(request: SignedRequest, s3: boolean): void {
    const claim = claimOf(request);
    if (claim === null) {
      throw s3
        ? new AwsError("AccessDenied", "Access Denied", 403)
        : new AwsError("MissingAuthenticationTokenException", "Missing Authentication Token", 403);
    }
    if (claim.accessKeyId !== this.#credentials.accessKeyId) {
      throw s3
        ? new AwsError("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403)
        : new AwsError("UnrecognizedClientException", "The security token included in the request is invalid.");
    }
    const expected = Buffer.from(this.#signature(request, claim, s3));
    const given = Buffer.from(claim.signature);
    if (expected.length === given.length && timingSafeEqual(expected, given)) return;
    const message =
      "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.";
    throw s3
      ? new AwsError("SignatureDoesNotMatch", message, 403)
      : new AwsError("InvalidSignatureException", message, 403);
  }

  #signature(request: SignedRequest, claim: Claim, s3: boolean): string {
    const names = claim.signedHeaders.split(";");
    const headers = names.map((name) => `${name}:${headerText(request, name)}\n`).join("");
    // S3 signs the path as it is sent; every other service signs it encoded once more.
    const path = s3 ? request.path : request.path.split("/").map(encode).join("/");
    const canonical = [
      request.method,
      path,
      canonicalQuery(request.query),
      headers,
      claim.signedHeaders,
      payloadHash(request, claim),
    ].join("\n");
    const text = ["AWS4-HMAC-SHA256", claim.date, claim.scope, sha256(canonical)].join("\n");
    return createHmac("sha256", this.#key(claim.scope)).update(text).digest("hex");
  }

  /** One key per day, region and service: four HMACs that need not be repeated for each request. */
  #key(scope: string): Buffer {
    let key = this.#keys.get(scope);
    if (key === undefined) {
      key = Buffer.from(`AWS4${this.#credentials.secretAccessKey}`);
      for (const part of scope.split("/")) key = createHmac("sha256", key).update(part).digest();
      if (this.#keys.size > 100) this.#keys.clear();
      this.#keys.set(scope, key);
    }
    return key;
  }
}

function claimOf(request: SignedRequest): Claim | null {
  const match = CREDENTIAL.exec(headerText(request, "authorization"));
  if (match !== null) {
    const [, accessKeyId = "", scope = "", signedHeaders = "", signature = ""] = match;
    return { accessKeyId, scope, signedHeaders, signature, date: headerText(request, "x-amz-date"), presigned: false };
  }
  const signature = request.query.get("X-Amz-Signature");
  if (signature === null) return null;
  const [accessKeyId = "", ...scope] = (request.query.get("X-Amz-Credential") ?? "").split("/");
  return {
    accessKeyId,
    scope: scope.join("/"),
    signedHeaders: request.query.get("X-Amz-SignedHeaders") ?? "",
    signature,
    date: request.query.get("X-Amz-Date") ?? "",
    presigned: true,
  };
}

function payloadHash(request: SignedRequest, claim: Claim): string {
  const given = headerText(request, "x-amz-content-sha256");
  if (given !== "") return given;
  if (claim.presigned) return request.query.get("X-Amz-Content-Sha256") ?? "UNSIGNED-PAYLOAD";
  return sha256(request.body ?? "");
}

function canonicalQuery(query: URLSearchParams): string {
  if (query.size === 0) return "";
  return [...query]
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => (a === b ? order(x, y) : order(a, b)))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function headerText(request: SignedRequest, name: string): string {
  const value = request.headers[name];
  const text = typeof value === "string" ? value : (value?.join(",") ?? "");
  return text.trim().replace(/\s+/g, " ");
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
