import type { NotifyEvent, NotifyRule } from "../dag.ts";
import type { Instant } from "../json.ts";
import type { Mail, MailFacts } from "../records.ts";

/** What happened, before it is addressed. */
export interface News {
  readonly kind: NotifyEvent;
  /** Names the event for good: the same key is the same mail, however often it is decided (sla-and-budget, E-mail). */
  readonly key: string;
  readonly subject: string;
  readonly facts: MailFacts;
  /** null: of no run. */
  readonly runId: string | null;
  readonly at: Instant;
}

/** One mail for each distinct address of the rules that want this kind of news. */
export function mailsFor(
  rules: readonly NotifyRule[],
  news: News,
  { installationId, sha256 }: { readonly installationId: string; readonly sha256: (text: string) => string },
): Mail[] {
  const addresses = new Set(rules.filter(({ on }) => on.includes(news.kind)).flatMap(({ email }) => email));
  const { key, ...rest } = news;
  return [...addresses].map((receiver) => {
    const name = sha256(JSON.stringify([installationId, news.kind, key, receiver])).slice(0, 40);
    return { ...rest, messageId: `${name}@nocturne`, receiver };
  });
}
