import type { SendMailOptions } from "nodemailer";
import type { Instant } from "../core/json.ts";
import type { DeliveryResult } from "../core/notify/delivery.ts";
import type { RenderedMail } from "./render.ts";

/** A mail that is ready to go. */
export interface OutgoingMail extends RenderedMail {
  /** Without angle brackets; always the same for one mail, so that a receiver can drop a repeat. */
  readonly messageId: string;
  readonly dagId: string;
  readonly kind: string;
  readonly receiver: string;
  /** Further receivers of the same mail: a task's mail has some, an alert never. */
  readonly others?: { readonly to: readonly string[]; readonly cc: readonly string[] };
  /** When it was written into the outbox: a repeat bears the same date. */
  readonly createdAt: Instant;
}

/** A way mails go out. */
export interface MailDelivery {
  /** Tries once. Every failure is a result; it never throws for what a server or a disk does. */
  deliver(mail: OutgoingMail): Promise<DeliveryResult>;
  /** Ends what is open; sends under way fail. */
  close(): Promise<void>;
}

/** One address as SMTP takes it. Nothing that could end a command, a header or the list of receivers. */
const ADDRESS = /^[^\s\0-\x1f\x7f<>()[\]\\,;:"@]{1,64}@[^\s\0-\x1f\x7f<>()[\]\\,;:"@]{1,255}$/u;

/** Why the mail cannot be addressed; null: it can. */
export function addressProblem({ receiver, others }: OutgoingMail): DeliveryResult | null {
  const wrong = [receiver, ...(others?.to ?? []), ...(others?.cc ?? [])].find((address) => !ADDRESS.test(address));
  if (wrong === undefined) return null;
  return { kind: "refused", code: "MAIL_REFUSED", response: `${JSON.stringify(wrong)} is no e-mail address` };
}

/** The mail as nodemailer takes it: every field data, no file and no address is ever read from it. */
export const messageOf = (mail: OutgoingMail, from: string): SendMailOptions => ({
  from,
  to: [mail.receiver, ...(mail.others?.to ?? [])].map((address) => ({ name: "", address })),
  cc: (mail.others?.cc ?? []).map((address) => ({ name: "", address })),
  subject: mail.subject,
  text: mail.text,
  ...(mail.html === "" ? {} : { html: mail.html }),
  messageId: `<${mail.messageId}>`,
  date: new Date(mail.createdAt),
  headers: {
    "Auto-Submitted": "auto-generated",
    "X-Nocturne-Dag": mail.dagId,
    "X-Nocturne-Kind": mail.kind,
  },
  disableFileAccess: true,
  disableUrlAccess: true,
});
