import { afterAll, beforeAll, expect, it } from "vitest";
import type { MailFacts } from "../../engine/core/records.ts";
import { AT, mail } from "./batches.ts";
import { Writer, storeOfThisFile } from "./fleet.ts";

const here = storeOfThisFile();
let writer: Writer;

beforeAll(async () => {
  writer = await Writer.take(here.store);
});
afterAll(() => writer.close());

interface OutboxRow {
  readonly message_id: string;
  readonly receiver: string;
  readonly subject: string;
  readonly payload: MailFacts;
  readonly state: string;
  readonly tries: number;
  readonly at: number;
  readonly next_try_at: number | null;
}

async function row(messageId: string): Promise<OutboxRow | undefined> {
  const { rows } = await here.store.pool.query<OutboxRow>("SELECT * FROM outbox WHERE message_id = $1", [messageId]);
  return rows[0];
}

it("a mail is owed as it was told, due at once by Postgres's clock whatever the engine's says", async () => {
  const facts: MailFacts = {
    dagId: "nightly",
    timezone: "Europe/Berlin",
    dagRunId: "scheduled__2026-01-02",
    sla: { rule: "06:00", finishBy: "06:00", deadlineAt: AT, waitsFor: ["load", "publish"] },
  };
  const before = await clock();
  const told = mail("one@nocturne", { facts, at: AT + 10 * 365 * 86_400_000 });
  await writer.write({ mails: [told] });
  const stored = await row("one@nocturne");
  expect(stored).toMatchObject({
    kind: "sla_missed",
    receiver: told.receiver,
    subject: told.subject,
    payload: facts,
    state: "pending",
    tries: 0,
    at: told.at,
  });
  expect(stored?.next_try_at).toBeGreaterThanOrEqual(before);
  expect(stored?.next_try_at).toBeLessThanOrEqual(await clock());
});

it("a message id that exists is not written again, not even within one flush, and the rest is", async () => {
  await writer.write({ mails: [mail("two@nocturne", { subject: "first" })] });
  const repeat = mail("two@nocturne", { subject: "second" });
  await writer.write({ mails: [repeat, mail("three@nocturne"), mail("three@nocturne")] });
  expect(await row("two@nocturne")).toMatchObject({ subject: "first", state: "pending" });
  expect(await row("three@nocturne")).toBeDefined();
});

it("a mail that was sent is not owed again by a repeat", async () => {
  await writer.write({ mails: [mail("sent@nocturne")] });
  await here.store.pool.query(
    "UPDATE outbox SET state = 'sent', next_try_at = NULL, ended_at = now() WHERE message_id = 'sent@nocturne'",
  );
  await writer.write({ mails: [mail("sent@nocturne")] });
  expect(await row("sent@nocturne")).toMatchObject({ state: "sent", next_try_at: null });
});

it("rule 7: what a service poured into a mail is cleaned and cut", async () => {
  const failure = {
    taskId: "extract",
    tryNumber: 1,
    code: "JOB_FAILED",
    message: `bad \u0000 ${"x".repeat(20_000)}`,
    logTail: ["a\u0000b", "y".repeat(5_000)],
    links: [],
  } as const;
  const facts: MailFacts = { dagId: "nightly", timezone: "UTC", failures: [failure] };
  await writer.write({ mails: [mail("poison@nocturne", { kind: "run_failed", subject: "nightly \u0000", facts })] });
  const stored = await row("poison@nocturne");
  expect(stored?.subject).toBe("nightly \uFFFD");
  const [kept] = stored?.payload.failures ?? [];
  expect(kept?.message).toMatch(/^bad \uFFFD x+ … \(cut\)$/);
  expect(kept?.message).toHaveLength(8_000);
  expect(kept?.logTail[0]).toBe("a\uFFFDb");
  expect(kept?.logTail[1]).toHaveLength(2_000);
});

async function clock(): Promise<number> {
  const { rows } = await here.store.pool.query<{ now: number }>("SELECT clock_timestamp() AS now");
  return rows[0]?.now ?? 0;
}
