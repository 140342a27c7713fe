import type { DeliveryResult } from "../core/notify/delivery.ts";
import type { TaskMail } from "../core/operator-host.ts";
import type { MailDelivery } from "./mail.ts";

/** Sends a task's mail over a delivery of its own and closes that; null: no way out is configured. */
export async function taskMail(delivery: MailDelivery | null, mail: TaskMail): Promise<DeliveryResult> {
  if (delivery === null) {
    return { kind: "retry", reason: "unreachable", code: "MAIL_NOT_CONFIGURED", response: "no mail server is named" };
  }
  const { messageId, dagId, subject, text, html, at: createdAt, cc } = mail;
  const [receiver = "", ...to] = mail.to;
  const others = { to, cc };
  try {
    return await delivery.deliver({
      messageId,
      dagId,
      kind: "task",
      receiver,
      others,
      subject,
      text,
      html: html ?? "",
      createdAt,
    });
  } finally {
    await delivery.close();
  }
}
