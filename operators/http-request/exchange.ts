import { OUTPUT_MAX } from "../in-process/output.ts";

/** A request as it is sent. */
export interface Sent {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** As far as it was read. */
  readonly body: Buffer;
  readonly isCut: boolean;
}

const MOST_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** The request led somewhere it is not followed to. */
export class RedirectRefused extends Error {}

/**
 * Sends a request and reads its answer, at most an output's size of it. A GET or HEAD follows up to five redirects; those of
 * other methods are answers as any. Rejects with what the network or `signal` says.
 */
export async function exchange(sent: Sent, signal: AbortSignal): Promise<Answer> {
  const follows = sent.method === "GET" || sent.method === "HEAD";
  let { url, headers } = sent;
  for (let redirects = 0; ; redirects++) {
    const response = await fetch(url, { method: sent.method, headers, body: sent.body, redirect: "manual", signal });
    const location = response.headers.get("location");
    if (!follows || location === null || !REDIRECTS.has(response.status)) return read(response);
    await response.body?.cancel();
    if (redirects === MOST_REDIRECTS) throw new RedirectRefused(`more than ${MOST_REDIRECTS} redirects`);
    const next = nextUrl(url, location);
    // A password for one server is nobody else's business.
    if (new URL(next).origin !== new URL(url).origin) headers = withoutSecrets(headers);
    url = next;
  }
}

function nextUrl(url: string, location: string): string {
  const next = URL.canParse(location, url) ? new URL(location, url) : null;
  if (next && /^https?:$/.test(next.protocol)) return next.href;
  throw new RedirectRefused(`it leads to ${location}, which is no http or https address`);
}

const SECRET = /^(authorization|cookie|proxy-authorization|.*(api-?key|token|secret).*)$/i;

const withoutSecrets = (headers: Sent["headers"]): Sent["headers"] =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !SECRET.test(name)));

async function read(response: Response): Promise<Answer> {
  const { status, headers } = response;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    chunks.push(Buffer.from(chunk));
    size += chunk.length;
    // Leaving the loop ends the transfer.
    if (size > OUTPUT_MAX) return { status, headers, body: Buffer.concat(chunks), isCut: true };
  }
  return { status, headers, body: Buffer.concat(chunks), isCut: false };
}
