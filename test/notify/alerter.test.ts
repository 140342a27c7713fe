import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Problem } from "../../engine/core/errors.ts";
import { ALERTER_SETTINGS, startAlerter, type Alerter, type AlerterSettings } from "../../engine/notify/alerter.ts";
import { smtpDelivery } from "../../engine/notify/smtp.ts";
import { claimMails } from "../../engine/store/outbox.ts";
import { listMails, type MailSummary } from "../../engine/store/read-models/mails.ts";
import { storeOfThisFile } from "../store/fleet.ts";
import { untilSo } from "../setup/until.ts";
import { smtpError, startMailServer, type MailServer } from "./mail-server.ts";
import { oweMail, triesOf } from "./mails.ts";

const here = storeOfThisFile();
const open: { close(): Promise<void> }[] = [];
beforeEach(() => here.store.pool.query("TRUNCATE delivery, outbox"));
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

/** Back-off in milliseconds where production takes seconds. */
const QUICK: AlerterSettings = {
  ...ALERTER_SETTINGS,
  lookMs: 10,
  firstMs: 1,
  quickMs: 1,
  mostMs: 20,
  mostPauseMs: 5,
};

async function serve(settings: Parameters<typeof startMailServer>[0] = {}): Promise<MailServer> {
  const server = await startMailServer(settings);
  open.push(server);
  return server;
}

/** An alerter that remembers every trouble it told and every line it logged. */
function alert(
  smtpUrl: string | null,
  settings: Partial<AlerterSettings> = {},
): Alerter & { troubles: (Problem | null)[]; lines: string[] } {
  const troubles: (Problem | null)[] = [];
  const lines: string[] = [];
  const line = (details: object, message: string): void => void lines.push(`${message} ${JSON.stringify(details)}`);
  const alerter = startAlerter({
    store: here.store,
    delivery: smtpUrl === null ? null : smtpDelivery({ smtpUrl, from: "nocturne@example.com" }),
    publicUrl: null,
    local: false,
    log: { info: line, warn: line, error: line },
    onTrouble: (problem) => troubles.push(problem),
    settings: { ...QUICK, ...settings },
  });
  open.unshift({ close: () => alerter.stop() });
  return Object.assign(alerter, { troubles, lines });
}

const mailOf = async (messageId: string): Promise<MailSummary | undefined> =>
  (await listMails(here.store)).find((mail) => mail.messageId === messageId);
const ended = (messageId: string): Promise<void> => untilSo(async () => (await mailOf(messageId))?.state !== "pending");
const idsAt = (server: MailServer): (string | undefined)[] =>
  server.arrived.map(({ headers }) => headers.get("message-id"));

describe("a mail that is owed", () => {
  it("is sent and is done once a server has taken it", async () => {
    const server = await serve();
    const messageId = await oweMail(here.store);
    const alerter = alert(server.url);
    await alerter.settled();
    expect(idsAt(server)).toEqual([`<${messageId}>`]);
    expect(await mailOf(messageId)).toMatchObject({ state: "sent", tries: 1, lastCode: null });
    expect(await triesOf(here.store, messageId)).toMatchObject([{ outcome: "accepted" }]);
    expect(alerter.troubles).toEqual([]);
  });

  it("goes out at once when somebody rings", async () => {
    const server = await serve();
    const alerter = alert(server.url, { lookMs: 3_600_000 });
    await alerter.settled();
    const messageId = await oweMail(here.store);
    alerter.ring();
    await ended(messageId);
    expect(server.arrived).toHaveLength(1);
  });

  it("goes out also when nobody rings", async () => {
    const server = await serve();
    const alerter = alert(server.url);
    await alerter.settled();
    await ended(await oweMail(here.store));
    expect(server.arrived).toHaveLength(1);
  });

  it("is sent by one of two alerters", async () => {
    const server = await serve();
    const owed = await Promise.all(Array.from({ length: 30 }, () => oweMail(here.store)));
    const [one, other] = [alert(server.url), alert(server.url)];
    await Promise.all([one.settled(), other.settled()]);
    await untilSo(async () => (await listMails(here.store, { states: ["pending"] })).length === 0);
    expect(idsAt(server).sort()).toEqual(owed.map((id) => `<${id}>`).sort());
  });

  it("is sent by another alerter when a process was killed with it under way", async () => {
    const server = await serve();
    const messageId = await oweMail(here.store);
    await claimMails(here.store, { limit: 1, leaseMs: 200 });
    alert(server.url);
    await ended(messageId);
    expect(idsAt(server)).toEqual([`<${messageId}>`]);
    expect(await mailOf(messageId)).toMatchObject({ state: "sent", tries: 2 });
  });
});

describe("a server that says 451", () => {
  it("gets the same mail again, and every try is on record", async () => {
    let tries = 0;
    const server = await serve({
      answer: () => ((tries += 1) === 1 ? { code: 451, text: "4.7.1 greylisted" } : undefined),
    });
    const messageId = await oweMail(here.store);
    const alerter = alert(server.url);
    await ended(messageId);
    expect(idsAt(server)).toEqual([`<${messageId}>`, `<${messageId}>`]);
    expect((await triesOf(here.store, messageId)).map(({ outcome }) => outcome)).toEqual(["retried", "accepted"]);
    await untilSo(async () => alerter.troubles.at(-1) === null);
    expect(alerter.troubles[0]).toMatchObject({ code: "MAIL_UNREACHABLE" });
  });

  it("to one mail does not hold up the others", async () => {
    const server = await serve({
      answer: ({ to }) => (to.includes("later@example.com") ? { code: 451, text: "later" } : undefined),
    });
    const putOff = await oweMail(here.store, { receiver: "later@example.com" });
    const others = await Promise.all(Array.from({ length: 5 }, () => oweMail(here.store)));
    alert(server.url, { firstMs: 60_000, mostMs: 60_000, mostPauseMs: 60_000 });
    await Promise.all(others.map(ended));
    expect(await mailOf(putOff)).toMatchObject({ state: "pending", tries: 1 });
  });
});

it("550 is final: the mail has failed with the server's words and is not tried again", async () => {
  const server = await serve({
    options: { onRcptTo: (_address, _session, done) => done(smtpError(550, "5.1.1 no such user")) },
  });
  const messageId = await oweMail(here.store);
  const alerter = alert(server.url);
  await ended(messageId);
  await alerter.settled();
  expect(await mailOf(messageId)).toMatchObject({ state: "failed", tries: 1, lastCode: "MAIL_REFUSED" });
  expect((await mailOf(messageId))?.lastError).toContain("550 5.1.1 no such user");
  expect(await triesOf(here.store, messageId)).toMatchObject([{ outcome: "refused" }]);
  expect(alerter.lines.join("\n")).toMatch(/mail refused.*MAIL_REFUSED/);
});

it("a bad login is said, the mail is kept, and no password is in log, warning or database", async () => {
  const server = await serve({
    options: {
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: (auth, _session, done) => done(smtpError(535, `5.7.8 not you: ${auth.password}`)),
    },
  });
  const messageId = await oweMail(here.store);
  const alerter = alert(server.url.replace("smtp://", "smtp://night:hunter2@"));
  await untilSo(async () => alerter.troubles.length > 0);
  expect(alerter.troubles[0]).toMatchObject({ code: "MAIL_LOGIN", message: expect.stringContaining("535") as string });
  await untilSo(async () => ((await mailOf(messageId))?.tries ?? 0) >= 3);
  expect(await mailOf(messageId)).toMatchObject({ state: "pending", lastCode: "MAIL_LOGIN" });
  const said = [alerter.troubles, alerter.lines, await listMails(here.store), await triesOf(here.store, messageId)];
  expect(JSON.stringify(said)).not.toContain("hunter2");
});

describe("a server that is away", () => {
  it("gets the mail when it is back; the trouble is told once and its end once", async () => {
    const first = await startMailServer();
    await first.close();
    const messageId = await oweMail(here.store);
    const alerter = alert(first.url);
    await untilSo(async () => ((await mailOf(messageId))?.tries ?? 0) >= 3);
    expect(alerter.troubles).toMatchObject([{ code: "MAIL_UNREACHABLE" }]);
    const back = await serve({ port: first.port });
    await ended(messageId);
    await untilSo(async () => alerter.troubles.length > 1);
    expect(alerter.troubles).toMatchObject([{ code: "MAIL_UNREACHABLE" }, null]);
    expect(idsAt(back)).toEqual([`<${messageId}>`]);
  });

  it("is asked with one mail at a time, and the others lose no try by it", async () => {
    const gone = await startMailServer();
    await gone.close();
    await Promise.all(Array.from({ length: 50 }, () => oweMail(here.store)));
    const alerter = alert(gone.url, { quickMs: 60_000, mostPauseMs: 60_000 });
    await untilSo(async () => alerter.troubles.length > 0);
    await alerter.settled();
    const tries = (await listMails(here.store)).reduce((sum, mail) => sum + mail.tries, 0);
    expect(tries).toBeLessThanOrEqual(QUICK.atOnce);
  });

  it("for too long makes the mail fail, and that is said", async () => {
    const gone = await startMailServer();
    await gone.close();
    const messageId = await oweMail(here.store);
    const alerter = alert(gone.url, { giveUpAfterMs: 30 });
    await ended(messageId);
    expect(await mailOf(messageId)).toMatchObject({ state: "failed", lastCode: "MAIL_UNREACHABLE" });
    expect((await triesOf(here.store, messageId)).at(-1)).toMatchObject({ outcome: "given_up" });
    expect(alerter.lines.join("\n")).toContain("mail given up");
  });
});

it("a server that dies between DATA and its answer gets the mail twice under one Message-ID, from one row", async () => {
  let tries = 0;
  const server = await serve({ answer: () => ((tries += 1) === 1 ? "hang up" : undefined) });
  const messageId = await oweMail(here.store);
  alert(server.url);
  await ended(messageId);
  expect(idsAt(server)).toEqual([`<${messageId}>`, `<${messageId}>`]);
  expect(await listMails(here.store)).toMatchObject([{ messageId, state: "sent", tries: 2 }]);
});

it("without a server mails wait, no try is counted, and that is said until somebody else has sent them", async () => {
  const messageId = await oweMail(here.store);
  const waiting = alert(null);
  await waiting.settled();
  expect(waiting.troubles).toMatchObject([{ code: "MAIL_NOT_CONFIGURED" }]);
  expect(await mailOf(messageId)).toMatchObject({ state: "pending", tries: 0 });
  alert((await serve()).url);
  await untilSo(async () => waiting.troubles.length > 1);
  expect(waiting.troubles[1]).toBeNull();
});

it("a mail that cannot be made does not keep the others", async () => {
  const server = await serve();
  const broken = await oweMail(here.store, { facts: { dagId: "a", timezone: "Mars/Olympus", dueAt: 0 } });
  const good = await oweMail(here.store);
  alert(server.url);
  await ended(good);
  await untilSo(async () => (await mailOf(broken))?.lastCode === "INTERNAL");
  expect(await mailOf(broken)).toMatchObject({ state: "pending" });
});

describe("stopping", () => {
  it("lets the mail under way be taken, and claims nothing more", async () => {
    const answers: (() => void)[] = [];
    const server = await serve({
      options: {
        onData: (stream, _session, done) => void stream.resume().on("end", () => answers.push(() => done(null))),
      },
    });
    const messageId = await oweMail(here.store);
    const alerter = alert(server.url);
    await untilSo(async () => answers.length > 0);
    const stopped = alerter.stop();
    const late = await oweMail(here.store);
    answers[0]?.();
    await stopped;
    expect(await mailOf(messageId)).toMatchObject({ state: "sent" });
    expect(await mailOf(late)).toMatchObject({ state: "pending", tries: 0 });
  });

  it("does not wait for ever for a server that does not answer: the mail stays owed", async () => {
    let isHanging = false;
    const server = await serve({
      options: { onData: (stream) => void stream.resume().on("end", () => (isHanging = true)) },
    });
    const messageId = await oweMail(here.store);
    const alerter = alert(server.url, { stopMs: 20 });
    await untilSo(async () => isHanging);
    await alerter.stop();
    expect(await mailOf(messageId)).toMatchObject({ state: "pending", tries: 1 });
    expect(await triesOf(here.store, messageId)).toEqual([]);
  });
});
