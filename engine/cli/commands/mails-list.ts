import { listMails } from "../../store/read-models/mails.ts";
import { EXIT } from "../exit-codes.ts";
import { withStore, type Session } from "../session.ts";
import { isoOrNull, timeText } from "../text/figures.ts";
import { table } from "../text/table.ts";

/** `mails list`: the newest mails with what became of them. */
export async function mailsList(
  session: Session,
  _args: readonly string[],
  { limit }: { readonly limit: number },
): Promise<number> {
  const { out } = session;
  const mails = await withStore(session, await session.config(), (store) => listMails(store, { limit }));
  const titles = ["WRITTEN", "KIND", "TO", "STATE", "TRIES", "SUBJECT"].map((title) => ({ title }));
  const cells = mails.map(({ createdAt, kind, to, state, tries, subject }) => [
    timeText(createdAt),
    kind,
    to,
    state,
    String(tries),
    subject,
  ]);
  if (mails.length === 0) out.print("There are no mails.");
  else for (const line of table(titles, cells)) out.print(line);
  for (const reason of new Set(
    mails.flatMap(({ lastError, lastCode }) => (lastError ? [`${lastCode}  ${lastError}`] : [])),
  )) {
    out.print(out.colors.yellow(`  ${reason}`));
  }
  out.document({
    mails: mails.map((mail) => ({
      message_id: mail.messageId,
      kind: mail.kind,
      subject: mail.subject,
      to: mail.to,
      state: mail.state,
      tries: mail.tries,
      last_code: mail.lastCode,
      last_error: mail.lastError,
      created_at: isoOrNull(mail.createdAt),
      sent_at: isoOrNull(mail.sentAt),
      next_try_at: isoOrNull(mail.nextTryAt),
    })),
  });
  return EXIT.done;
}
