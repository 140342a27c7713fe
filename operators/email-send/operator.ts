import type { FailureClass } from "../../engine/core/operator.ts";
import type { DeliveryResult } from "../../engine/core/notify/delivery.ts";
import { inProcessOperator, type Running } from "../in-process/operator.ts";
import { failed, succeeded } from "../in-process/output.ts";
import type { Outcome } from "../in-process/works.ts";
import { emailSendFacts, type EmailSendParams } from "./params.ts";

/** Mail servers dislike many connections of one sender. */
const PLACES = 4;

export const emailSend = inProcessOperator<EmailSendParams, EmailSendParams>({
  facts: emailSendFacts,
  places: () => PLACES,
  isIdempotent: ({ idempotent }) => idempotent,
  prepare: async (params) => ({ ready: params }),
  run,
});

async function run({ params, context, host, stop, log }: Running<EmailSendParams>): Promise<Outcome> {
  const { to, cc = [], subject, text, html = null } = params;
  if (stop.aborted) return failed("permanent", "CANCELLED", "the mail was not sent");
  // The same for every send of one launch: a receiver's mail program can drop a repeat.
  const messageId = `${context.launchKey}@nocturne`;
  const mail = { messageId, dagId: context.dagId, to, cc, subject, text, html, at: context.intentAt };
  const result = await host.sendMail(mail);
  log.add(result.response);
  return outcomeOf(result, messageId);
}

function outcomeOf(result: DeliveryResult, messageId: string): Outcome {
  if (result.kind === "accepted") {
    const { rejected = [] } = result;
    if (rejected.length === 0) return succeeded({ message_id: messageId }, "the output");
    const message = `sent, but the server did not take it for ${rejected.join(", ")}: ${result.response}`;
    return failed("permanent", "MAIL_REFUSED", message);
  }
  const { code, response } = result;
  const failureClass: FailureClass =
    result.kind === "refused" ? "permanent" : code === "MAIL_NOT_CONFIGURED" ? "permanent" : "retryable";
  return failed(failureClass, code, response);
}
