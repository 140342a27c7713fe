import { sql } from "kysely";
import type { NotifyEvent } from "../../core/dag.ts";
import type { ErrorCode } from "../../core/errors.ts";
import type { Instant } from "../../core/json.ts";
import type { Store } from "../open.ts";
import type { MailState } from "../outbox.ts";

/** A mail as lists show it. Times are Postgres's own: delivery is about real servers. */
export interface MailSummary {
  readonly messageId: string;
  readonly kind: NotifyEvent;
  readonly subject: string;
  readonly to: string;
  readonly state: MailState;
  readonly tries: number;
  /** Why the last try failed; null: it did not. */
  readonly lastCode: ErrorCode | null;
  readonly lastError: string | null;
  readonly createdAt: Instant;
  /** When a server took it on; null: none has. */
  readonly sentAt: Instant | null;
  /** When it is tried (again) at the latest; null: never. */
  readonly nextTryAt: Instant | null;
}

export interface MailFilter {
  readonly states?: readonly MailState[];
  /** At most so many: 100 unless told. */
  readonly limit?: number;
}

/** Mails, the newest first. */
export async function listMails(store: Store, { states, limit = 100 }: MailFilter = {}): Promise<MailSummary[]> {
  const { rows } = await sql<MailSummary>`
    SELECT message_id AS "messageId", kind, subject, receiver AS "to", state, tries,
           last_code AS "lastCode", last_error AS "lastError", created_at AS "createdAt",
           CASE WHEN state = 'sent' THEN ended_at END AS "sentAt", next_try_at AS "nextTryAt"
    FROM outbox
    WHERE ${states === undefined ? sql`true` : sql`state = ANY (${[...states]}::text[])`}
    ORDER BY created_at DESC, message_id
    LIMIT ${limit}`.execute(store.db);
  return rows;
}
