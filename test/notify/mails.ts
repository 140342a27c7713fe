import { randomUUID } from "node:crypto";
import type { NotifyEvent } from "../../engine/core/dag.ts";
import type { MailFacts } from "../../engine/core/records.ts";
import type { OutgoingMail } from "../../engine/notify/mail.ts";
import type { Store } from "../../engine/store/open.ts";

export const FACTS: MailFacts = {
  dagId: "nightly_store_sales",
  timezone: "America/New_York",
  owner: "data-platform",
  dagRunId: "scheduled__2026-01-02T05:00:00+00:00",
  ds: "2026-01-01",
  runState: "failed",
  dueAt: Date.parse("2026-01-02T07:00:00Z"),
  startedAt: Date.parse("2026-01-02T07:00:01Z"),
  endedAt: Date.parse("2026-01-02T08:30:00Z"),
  failures: [
    {
      taskId: "clean_sales",
      tryNumber: 2,
      code: "JOB_FAILED",
      message: "AnalysisException: no such column: <price>",
      logTail: ["reading s3://raw/2026-01-01", "AnalysisException"],
      links: [{ label: "Glue run jr_1", url: "https://us-east-1.console.aws.amazon.com/gluestudio?run=jr_1&tab=logs" }],
    },
  ],
};

/** Owes a mail, as the engine's flush does; answers its message id. */
export async function oweMail(
  store: Store,
  mail: {
    readonly messageId?: string;
    readonly kind?: NotifyEvent;
    readonly receiver?: string;
    readonly subject?: string;
    readonly facts?: MailFacts;
  } = {},
): Promise<string> {
  const { messageId = `${randomUUID()}@nocturne`, kind = "run_failed", receiver = "oncall@example.com" } = mail;
  await store.pool.query(
    `INSERT INTO outbox (message_id, kind, receiver, subject, payload, next_try_at)
     VALUES ($1, $2, $3, $4, $5, clock_timestamp())`,
    [messageId, kind, receiver, mail.subject ?? "nightly_store_sales failed", JSON.stringify(mail.facts ?? FACTS)],
  );
  return messageId;
}

/** What the record of tries says of a mail, in order. */
export async function triesOf(store: Store, messageId: string): Promise<{ outcome: string; response: string }[]> {
  const { rows } = await store.pool.query<{ outcome: string; response: string }>(
    "SELECT outcome, response FROM delivery WHERE message_id = $1 ORDER BY try_number",
    [messageId],
  );
  return rows;
}

export const outgoing = (change: Partial<OutgoingMail> = {}): OutgoingMail => ({
  messageId: "0123abcd@nocturne",
  dagId: "nightly_store_sales",
  kind: "run_failed",
  receiver: "oncall@example.com",
  subject: "nightly_store_sales failed",
  text: "It failed.\n",
  html: "<p>It failed.</p>\n",
  createdAt: Date.parse("2026-01-02T08:30:00Z"),
  ...change,
});
