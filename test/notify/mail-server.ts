import type { AddressInfo } from "node:net";
import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from "smtp-server";

/** A mail as it arrived. */
export interface ArrivedMail {
  readonly raw: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly from: string;
  readonly to: readonly string[];
  readonly isSecure: boolean;
}

export interface MailServer {
  readonly url: string;
  readonly port: number;
  /** Every mail whose data came in whole, also those that were then not accepted. */
  readonly arrived: ArrivedMail[];
  /** Drops every connection without a word. */
  hangUp(): void;
  close(): Promise<void>;
}

/** What a server says to one arrived mail: nothing (accepted), an SMTP error, or its end. */
export type Answer = { readonly code: number; readonly text: string } | "hang up" | undefined;

export const smtpError = (code: number, text: string): Error => Object.assign(new Error(text), { responseCode: code });

/** A real SMTP server on this machine. `answer` decides after DATA; `options` are smtp-server's own. */
export async function startMailServer(
  settings: { readonly port?: number; answer?(mail: ArrivedMail): Answer; readonly options?: SMTPServerOptions } = {},
): Promise<MailServer> {
  const arrived: ArrivedMail[] = [];
  const hangUp = (): void => {
    for (const connection of server.connections) connection._socket.destroy();
  };
  const server = new SMTPServer({
    authOptional: true,
    logger: false,
    disabledCommands: ["STARTTLS"],
    closeTimeout: 10,
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const mail = arrivedMail(Buffer.concat(chunks).toString("utf8"), session);
        arrived.push(mail);
        const answer = settings.answer?.(mail);
        if (answer === "hang up") hangUp();
        else done(answer && smtpError(answer.code, answer.text));
      });
    },
    ...settings.options,
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(settings.port ?? 0, "127.0.0.1", resolve);
  });
  server.on("error", () => undefined);
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    port,
    arrived,
    hangUp,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

function arrivedMail(raw: string, session: SMTPServerSession): ArrivedMail {
  const head = raw.slice(0, raw.indexOf("\r\n\r\n")).replace(/\r\n[ \t]+/g, " ");
  const headers = head.split("\r\n").map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  const { mailFrom, rcptTo } = session.envelope;
  return {
    raw,
    headers: new Map(headers),
    from: mailFrom === false ? "" : mailFrom.address,
    to: rcptTo.map(({ address }) => address),
    isSecure: session.secure,
  };
}

/** The decoded body of the part of this type. */
export function partOf(raw: string, type: string): string {
  const [, boundary = ""] = /boundary="([^"]+)"/.exec(raw) ?? [];
  const part = raw.split(`\r\n--${boundary}`).find((each) => each.includes(`Content-Type: ${type}`)) ?? "";
  const body = part.slice(part.indexOf("\r\n\r\n") + 4);
  if (/Content-Transfer-Encoding: base64/i.test(part)) return Buffer.from(body, "base64").toString("utf8");
  if (!/Content-Transfer-Encoding: quoted-printable/i.test(part)) return body;
  const bytes = body
    .replace(/=\r\n/g, "")
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}
