import { cleanText } from "../core/clean-text.ts";
import type { NotifyEvent } from "../core/dag.ts";
import type { ErrorCode } from "../core/errors.ts";
import type { Instant } from "../core/json.ts";
import type { DeliveryOutcome } from "../core/notify/delivery.ts";
import type { MailFacts } from "../core/records.ts";
import type { Store } from "./open.ts";
import { statementText } from "./sql-files.ts";

/** A mail that this process may send until its lease ends. */
export interface ClaimedMail {
  readonly messageId: string;
  readonly kind: NotifyEvent;
  readonly receiver: string;
  readonly subject: string;
  readonly facts: MailFacts;
  /** Which try this is, from 1. */
  readonly tryNumber: number;
  /** How long ago the first try ended; 0: there was none. */
  readonly triedForMs: number;
  readonly createdAt: Instant;
}

/** How the outbox stands. */
export interface OutboxStatus {
  readonly pending: number;
  /** Mails that were tried in vain, with the newest reason; null: none. */
  readonly troubled: { readonly count: number; readonly code: ErrorCode; readonly message: string } | null;
  /** Until the next mail is due (0: one is); null: none is pending. */
  readonly nextTryInMs: number | null;
}

const CLAIM = statementText("outbox_claim");
const END = statementText("outbox_end");
/** A server's answer is a few lines; what is longer tells nothing more. */
const RESPONSE_MAX = 2_000;

/**
 * Takes up to `limit` mails that are due, for `leaseMs`. Any number of processes may ask: each mail goes to one of them, and
 * is due again when that one dies before `endDelivery`.
 */
export async function claimMails(
  store: Store,
  { limit, leaseMs }: { readonly limit: number; readonly leaseMs: number },
): Promise<ClaimedMail[]> {
  const { rows } = await store.pool.query<{
    message_id: string;
    kind: NotifyEvent;
    receiver: string;
    subject: string;
    payload: MailFacts;
    tries: number;
    created_at: Instant;
    tried_for_ms: number;
  }>({ name: "outbox_claim", text: CLAIM, values: [limit, leaseMs] });
  return rows.map((row) => ({
    messageId: row.message_id,
    kind: row.kind,
    receiver: row.receiver,
    subject: row.subject,
    facts: row.payload,
    tryNumber: row.tries,
    triedForMs: row.tried_for_ms,
    createdAt: row.created_at,
  }));
}

/** Writes what became of a try. false: another process has tried since, and this one's word no longer counts. */
export async function endDelivery(
  store: Store,
  messageId: string,
  tryNumber: number,
  outcome: DeliveryOutcome,
  response: string,
): Promise<boolean> {
  const said = cleanText(response, RESPONSE_MAX);
  const isAccepted = outcome.kind === "accepted";
  const { rowCount } = await store.pool.query({
    name: "outbox_end",
    text: END,
    values: [
      messageId,
      tryNumber,
      STATE_AFTER[outcome.kind],
      outcome.kind === "retried" ? outcome.nextTryMs : null,
      outcome.kind,
      isAccepted ? null : outcome.code,
      isAccepted ? null : said,
      said,
    ],
  });
  return rowCount === 1;
}

const STATE_AFTER = { accepted: "sent", retried: "pending", refused: "failed", given_up: "failed" } as const satisfies {
  readonly [K in DeliveryOutcome["kind"]]: MailState;
};

/** pending: not sent yet · sent: a server took it on · failed: refused for good, or given up */
export type MailState = "pending" | "sent" | "failed";

/** How many mails wait, and what keeps them from being sent. */
export async function outboxStatus(store: Store): Promise<OutboxStatus> {
  const { rows } = await store.pool.query<{
    pending: number;
    troubled: number;
    next_try_in_ms: number | null;
    code: ErrorCode | null;
    message: string | null;
  }>(
    `SELECT waiting.*, newest.code, newest.message
     FROM (
       SELECT count(*)::int AS pending, count(last_code)::int AS troubled,
              greatest(0, extract(epoch FROM min(next_try_at) - clock_timestamp()) * 1000)::float8 AS next_try_in_ms
       FROM outbox WHERE state = 'pending'
     ) AS waiting LEFT JOIN (
       SELECT last_code AS code, last_error AS message
       FROM outbox JOIN delivery USING (message_id)
       WHERE state = 'pending' AND last_code IS NOT NULL
       ORDER BY delivery.at DESC LIMIT 1
     ) AS newest ON true`,
  );
  const [row] = rows;
  if (!row) throw new Error("a count answered no row");
  const { pending, troubled: count, code, message } = row;
  return {
    pending,
    troubled: count > 0 && code !== null ? { count, code, message: message ?? "" } : null,
    nextTryInMs: pending === 0 ? null : row.next_try_in_ms,
  };
}
