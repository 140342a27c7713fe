import { beforeEach, describe, expect, it } from "vitest";
import { listMails } from "../../engine/store/read-models/mails.ts";
import { openStore } from "../../engine/store/open.ts";
import { claimMails, endDelivery, outboxStatus } from "../../engine/store/outbox.ts";
import { storeOfThisFile } from "../store/fleet.ts";
import { untilSo } from "../setup/until.ts";
import { FACTS, oweMail, triesOf } from "./mails.ts";

const here = storeOfThisFile();
beforeEach(() => here.store.pool.query("TRUNCATE delivery, outbox"));

const LONG = { limit: 10, leaseMs: 60_000 };
const later = { kind: "retried", code: "MAIL_UNREACHABLE", nextTryMs: 60_000 } as const;

describe("claiming", () => {
  it("gives out what is due as it was written, and counts the try", async () => {
    const messageId = await oweMail(here.store, { subject: "it failed" });
    const [mail] = await claimMails(here.store, LONG);
    expect(mail).toMatchObject({ messageId, kind: "run_failed", subject: "it failed", facts: FACTS });
    expect(mail).toMatchObject({ receiver: "oncall@example.com", tryNumber: 1, triedForMs: 0 });
  });

  it("gives each mail to one of many who ask at once", async () => {
    const owed = await Promise.all(Array.from({ length: 40 }, () => oweMail(here.store)));
    const claims = await Promise.all(
      Array.from({ length: 12 }, () => claimMails(here.store, { limit: 5, leaseMs: 60_000 })),
    );
    const ids = claims.flat().map(({ messageId }) => messageId);
    expect(new Set(ids).size).toBe(ids.length);
    const rest = await claimMails(here.store, { limit: 100, leaseMs: 60_000 });
    expect([...ids, ...rest.map(({ messageId }) => messageId)].sort()).toEqual(owed.sort());
  });

  it("passes over what another one is just claiming, instead of waiting", async () => {
    const [held, free] = [await oweMail(here.store), await oweMail(here.store)];
    const other = await here.store.pool.connect();
    try {
      await other.query("BEGIN");
      await other.query("SELECT FROM outbox WHERE message_id = $1 FOR UPDATE", [held]);
      expect((await claimMails(here.store, LONG)).map(({ messageId }) => messageId)).toEqual([free]);
    } finally {
      await other.query("ROLLBACK");
      other.release();
    }
  });

  it("leaves a mail due again after the lease of a process that died with it", async () => {
    const messageId = await oweMail(here.store);
    const dying = await openStore({ databaseUrl: here.url, fleet: "nocturne", applicationName: "dying" });
    expect(await claimMails(dying, { limit: 1, leaseMs: 300 })).toHaveLength(1);
    await dying.close();
    expect(await claimMails(here.store, LONG)).toEqual([]);
    let again: Awaited<ReturnType<typeof claimMails>> = [];
    await untilSo(async () => (again = await claimMails(here.store, LONG)).length > 0);
    expect(again).toMatchObject([{ messageId, tryNumber: 2 }]);
  });

  it("says how long ago the first try ended", async () => {
    const messageId = await oweMail(here.store);
    await claimMails(here.store, LONG);
    await endDelivery(here.store, messageId, 1, { ...later, nextTryMs: 0 }, "away");
    await here.store.pool.query("UPDATE delivery SET at = at - interval '1 hour'");
    await claimMails(here.store, LONG);
    await endDelivery(here.store, messageId, 2, { ...later, nextTryMs: 0 }, "away");
    const [mail] = await claimMails(here.store, LONG);
    expect(mail?.triedForMs).toBeGreaterThanOrEqual(3_600_000);
    expect(mail?.triedForMs).toBeLessThan(3_700_000);
  });
});

describe("ending a try", () => {
  it("writes an acceptance once and for good", async () => {
    const messageId = await oweMail(here.store);
    await claimMails(here.store, LONG);
    expect(await endDelivery(here.store, messageId, 1, { kind: "accepted" }, "250 OK")).toBe(true);
    expect(await endDelivery(here.store, messageId, 1, later, "away")).toBe(false);
    expect(await triesOf(here.store, messageId)).toEqual([{ outcome: "accepted", response: "250 OK" }]);
    expect(await listMails(here.store)).toMatchObject([{ messageId, state: "sent", tries: 1, lastCode: null }]);
  });

  it("changes nothing when another process has tried since", async () => {
    const messageId = await oweMail(here.store);
    await claimMails(here.store, { limit: 1, leaseMs: 0 });
    expect(await claimMails(here.store, LONG)).toMatchObject([{ tryNumber: 2 }]);
    expect(await endDelivery(here.store, messageId, 1, { kind: "refused", code: "MAIL_REFUSED" }, "550")).toBe(false);
    expect(await triesOf(here.store, messageId)).toEqual([]);
    expect(await listMails(here.store)).toMatchObject([{ state: "pending", tries: 2, lastCode: null }]);
  });

  it("keeps what the server said, whatever bytes it used and however much it was", async () => {
    const messageId = await oweMail(here.store);
    await claimMails(here.store, LONG);
    expect(await endDelivery(here.store, messageId, 1, later, `451 \0 \ud800 ${"x".repeat(9_000)}`)).toBe(true);
    const [entry] = await triesOf(here.store, messageId);
    expect(entry?.response).toMatch(/^451 \ufffd \ufffd x+ … \(cut\)$/);
  });
});

describe("the outbox's status", () => {
  it("is empty where nothing waits", async () => {
    const messageId = await oweMail(here.store);
    await claimMails(here.store, LONG);
    await endDelivery(here.store, messageId, 1, { kind: "accepted" }, "250");
    expect(await outboxStatus(here.store)).toEqual({ pending: 0, troubled: null, nextTryInMs: null });
  });

  it("tells the newest reason why mails wait, and when the next is due", async () => {
    const [first, second] = [await oweMail(here.store), await oweMail(here.store)];
    await claimMails(here.store, LONG);
    await endDelivery(here.store, first, 1, later, "nobody there");
    await endDelivery(here.store, second, 1, { kind: "retried", code: "MAIL_LOGIN", nextTryMs: 90_000 }, "535");
    const status = await outboxStatus(here.store);
    expect(status).toMatchObject({ pending: 2, troubled: { count: 2, code: "MAIL_LOGIN", message: "535" } });
    expect(status.nextTryInMs).toBeGreaterThan(50_000);
    expect(status.nextTryInMs).toBeLessThanOrEqual(60_000);
    await oweMail(here.store);
    expect(await outboxStatus(here.store)).toMatchObject({ pending: 3, troubled: { count: 2 }, nextTryInMs: 0 });
  });
});

describe("the list of mails", () => {
  it("shows the newest first, with what became of each, and only those of the states asked for", async () => {
    const sent = await oweMail(here.store, { kind: "sla_missed", subject: "missed" });
    await claimMails(here.store, LONG);
    await endDelivery(here.store, sent, 1, { kind: "accepted" }, "250");
    const refused = await oweMail(here.store);
    await claimMails(here.store, LONG);
    await endDelivery(here.store, refused, 1, { kind: "refused", code: "MAIL_REFUSED" }, "550 no");
    const [newest, oldest] = await listMails(here.store);
    expect(newest).toMatchObject({
      messageId: refused,
      state: "failed",
      lastCode: "MAIL_REFUSED",
      lastError: "550 no",
    });
    expect(newest).toMatchObject({ sentAt: null, nextTryAt: null });
    expect(oldest).toMatchObject({ kind: "sla_missed", subject: "missed", to: "oncall@example.com", state: "sent" });
    expect(oldest?.sentAt).toBeGreaterThanOrEqual(oldest?.createdAt ?? Infinity);
    expect(await listMails(here.store, { states: ["sent"] })).toMatchObject([{ messageId: sent }]);
    expect(await listMails(here.store, { states: ["pending"] })).toEqual([]);
    expect(await listMails(here.store, { limit: 1 })).toMatchObject([{ messageId: refused }]);
  });
});
