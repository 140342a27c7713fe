import { createTransport, type NodemailerError, type SMTPPoolOptions } from "nodemailer";
import { NocturneError } from "../core/errors.ts";
import type { DeliveryResult } from "../core/notify/delivery.ts";
import { addressProblem, messageOf, type MailDelivery } from "./mail.ts";

/** How long a send may take before it counts as failed; tests take less. */
export interface SmtpTimeouts {
  readonly connectMs: number;
  readonly socketMs: number;
  /** For one mail from hand-over to answer: a server that trickles its replies is never silent. */
  readonly sendMs: number;
}

/** The whole of a send is shorter than the alerter's lease, so that no second process sends meanwhile. */
export const SMTP_TIMEOUTS: SmtpTimeouts = { connectMs: 10_000, socketMs: 30_000, sendMs: 90_000 };

/**
 * Mails over SMTP: smtp:// (STARTTLS when offered) or smtps://, user and password from the URL, one connection that is kept.
 * A password goes to another machine over TLS only, unless the URL says ?requireTLS=false; ?tls.rejectUnauthorized=false
 * takes any certificate. Throws NocturneError CONFIG_INVALID for a URL that is none; its text is never shown.
 */
export function smtpDelivery(options: {
  readonly smtpUrl: string;
  /** The sender: "nocturne@example.com" or "Nocturne <nocturne@example.com>". */
  readonly from: string;
  readonly timeouts?: SmtpTimeouts;
}): MailDelivery {
  const timeouts = options.timeouts ?? SMTP_TIMEOUTS;
  const server = serverOf(options.smtpUrl);
  const transport = createTransport({
    ...server.options,
    pool: true,
    maxConnections: 1,
    // A connection that the server dropped while it was idle is replaced at once; all else is the outbox's to repeat.
    maxRequeues: 1,
    connectionTimeout: timeouts.connectMs,
    greetingTimeout: timeouts.connectMs,
    dnsTimeout: timeouts.connectMs,
    socketTimeout: timeouts.socketMs,
  });
  // An idle connection that breaks is replaced by the next mail; without a listener it would end the process.
  transport.on("error", () => undefined);
  return {
    deliver: async (mail) => {
      const problem = addressProblem(mail);
      if (problem) return problem;
      const stop = AbortSignal.timeout(timeouts.sendMs);
      try {
        const message = { ...messageOf(mail, options.from), signal: stop };
        const { response, rejected } = await transport.sendMail(message);
        const not = (rejected as readonly (string | { readonly address: string })[]).map((each) =>
          typeof each === "string" ? each : each.address,
        );
        return {
          kind: "accepted",
          response: server.withoutSecrets(response),
          ...(not.length > 0 && { rejected: not }),
        };
      } catch (error) {
        const result = resultOf(error as NodemailerError, server.place, options.from, stop.aborted);
        return { ...result, response: server.withoutSecrets(result.response) };
      }
    },
    close: async () => (transport.transporter as { close(options: { force: boolean }): void }).close({ force: true }),
  };
}

/** Replies of a server that wants a (better) login, wherever in the session they come. RFC 4954, 6. */
const LOGIN_CODES = new Set([530, 534, 535, 538]);
/** 552 to MAIL FROM: this mail is too large. Every other refusal there is about the sender. */
const TOO_LARGE = 552;
/** Bad sequence of commands: the session was in a wrong state, and says nothing about the mail. */
const BAD_SEQUENCE = 503;

function resultOf(error: NodemailerError, place: string, from: string, isTooSlow: boolean): DeliveryResult {
  const { code = "", command = "", responseCode = 0 } = error;
  const said = typeof error.response === "string" ? error.response : error.message || code;
  const isTemporary = responseCode >= 400 && responseCode < 500;
  const unreachable = (response: string): DeliveryResult => ({
    kind: "retry",
    reason: "unreachable",
    code: "MAIL_UNREACHABLE",
    response,
  });
  if (isTooSlow) return unreachable(`${place}: no answer in time`);
  const isLogin = LOGIN_CODES.has(responseCode) || (["EAUTH", "ENOAUTH"].includes(code) && !isTemporary);
  if (isLogin) return { kind: "retry", reason: "login", code: "MAIL_LOGIN", response: `${place}: ${said}` };
  const isAboutMail = code === "EENVELOPE" || code === "EMESSAGE";
  if (!isAboutMail || responseCode === 421 || responseCode === BAD_SEQUENCE) return unreachable(`${place}: ${said}`);
  if (isTemporary) {
    return { kind: "retry", reason: "deferred", code: "MAIL_UNREACHABLE", response: `${place}: ${said}` };
  }
  // No mail would get through with this sender: to drop them all for one wrong setting would lose what they tell.
  if (command === "MAIL FROM" && responseCode >= 500 && responseCode !== TOO_LARGE) {
    return unreachable(`${place} takes no mail from ${from}: ${said}`);
  }
  return { kind: "refused", code: "MAIL_REFUSED", response: said };
}

interface SmtpServer {
  readonly options: SMTPPoolOptions;
  /** Scheme, host and port, for people. */
  readonly place: string;
  /** Some servers repeat what they were sent: what a person is shown holds no password in any of its forms. */
  withoutSecrets(text: string): string;
}

function serverOf(smtpUrl: string): SmtpServer {
  const url = URL.canParse(smtpUrl) ? new URL(smtpUrl) : null;
  if (url === null || !/^smtps?:$/.test(url.protocol) || url.hostname === "") {
    throw invalid("SMTP_URL: expected an address such as smtp://user:password@host:587");
  }
  const secure = url.protocol === "smtps:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? (secure ? 465 : 587) : Number(url.port);
  const user = decoded(url.username);
  const pass = decoded(url.password);
  const hasLogin = user !== "" || pass !== "";
  const isThisMachine = /^(localhost|127\..*|::1)$/.test(host);
  const asked = new Map(url.searchParams);
  const unknown = [...asked.keys()].find((name) => name !== "requireTLS" && name !== "tls.rejectUnauthorized");
  if (unknown !== undefined) {
    throw invalid(`SMTP_URL: no such setting: ${unknown}; there are requireTLS and tls.rejectUnauthorized`);
  }
  const requireTLS = asked.has("requireTLS") ? asked.get("requireTLS") === "true" : hasLogin && !isThisMachine;
  return {
    options: {
      host,
      port,
      secure,
      requireTLS,
      ...(hasLogin ? { auth: { user, pass } } : {}),
      tls: { rejectUnauthorized: asked.get("tls.rejectUnauthorized") !== "false" },
    },
    place: `${url.protocol}//${url.hostname}:${port}`,
    withoutSecrets: (text) => {
      const forms = [
        url.password,
        pass,
        base64(pass),
        base64(`\0${user}\0${pass}`),
        base64(`${user}\0${user}\0${pass}`),
      ];
      return forms
        .filter((form) => pass !== "" && form !== "")
        .reduce((rest, form) => rest.replaceAll(form, "***"), text);
    },
  };
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** A "%" that is no escape stands for itself: passwords are often pasted as they are. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const invalid = (message: string): NocturneError => new NocturneError({ code: "CONFIG_INVALID", message });
