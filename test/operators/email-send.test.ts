import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { TaskMail } from "../../engine/core/operator-host.ts";
import { inboxDelivery } from "../../engine/notify/inbox.ts";
import type { MailDelivery } from "../../engine/notify/mail.ts";
import { smtpDelivery } from "../../engine/notify/smtp.ts";
import { taskMail } from "../../engine/notify/task-mail.ts";
import { emailSend } from "../../operators/email-send/operator.ts";
import { letGo } from "../../operators/in-process/works.ts";
import { partOf, smtpError, startMailServer, type MailServer } from "../notify/mail-server.ts";
import { run } from "./working.ts";

let server: MailServer;
const close: (() => unknown)[] = [];
beforeEach(async () => {
  server = await startMailServer({
    options: {
      onRcptTo: ({ address }, _, done) => done(address.startsWith("no") ? smtpError(550, "no such user") : null),
    },
  });
  close.push(() => server.close());
});
afterEach(async () => {
  letGo();
  for (const each of close.splice(0)) await each();
});

const from = "nocturne@example.com";
const over = (delivery: MailDelivery | null) => ({ sendMail: (mail: TaskMail) => taskMail(delivery, mail) });
const overServer = () => over(smtpDelivery({ smtpUrl: server.url, from }));
const mail = { to: ["ana@example.com"], subject: "Sales: 3 stores", text: "Done.\n" };

describe("email.send", () => {
  it("sends one mail to all, as text and HTML, under the launch key", async () => {
    const params = {
      ...mail,
      to: ["ana@example.com", "ben@example.com"],
      cc: ["cleo@example.com"],
      html: "<b>Done.</b>",
    };
    const launchKey = "a".repeat(48);
    expect(await run(emailSend, params, { host: overServer(), launchKey })).toEqual({
      kind: "succeeded",
      output: { message_id: `${launchKey}@nocturne` },
    });
    const [arrived] = server.arrived;
    expect(server.arrived).toHaveLength(1);
    expect(arrived?.to).toEqual(["ana@example.com", "ben@example.com", "cleo@example.com"]);
    expect(Object.fromEntries(arrived?.headers ?? [])).toMatchObject({
      from,
      to: "ana@example.com, ben@example.com",
      cc: "cleo@example.com",
      subject: "Sales: 3 stores",
      "message-id": `<${launchKey}@nocturne>`,
    });
    expect(partOf(arrived?.raw ?? "", "text/html")).toContain("<b>Done.</b>");
  });

  it("sends text alone when there is no HTML", async () => {
    await run(emailSend, mail, { host: overServer() });
    expect(server.arrived[0]?.headers.get("content-type")).toMatch(/^text\/plain/);
  });

  it("tells of an address that the server did not take, although others got the mail", async () => {
    const end = await run(emailSend, { ...mail, cc: ["nobody@example.com"] }, { host: overServer() });
    expect(end).toMatchObject({
      failure: {
        class: "permanent",
        code: "MAIL_REFUSED",
        message: expect.stringContaining("nobody@example.com") as string,
      },
    });
    expect(server.arrived).toHaveLength(1);
  });

  it("is final when the server refuses, and tried again when it cannot be reached", async () => {
    expect(await run(emailSend, { ...mail, to: ["no@example.com"] }, { host: overServer() })).toMatchObject({
      failure: { class: "permanent", code: "MAIL_REFUSED" },
    });
    await server.close();
    expect(await run(emailSend, mail, { host: overServer() })).toMatchObject({
      failure: { class: "retryable", code: "MAIL_UNREACHABLE" },
    });
    expect(await run(emailSend, mail, { host: over(null) })).toMatchObject({
      failure: { class: "permanent", code: "MAIL_NOT_CONFIGURED" },
    });
  });

  it("becomes one file of the inbox, however often one attempt sends it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "email-send-"));
    close.push(() => rmSync(folder, { recursive: true }));
    const host = over(inboxDelivery({ folder, from }));
    const launchKey = "b".repeat(48);
    for (const isRepeat of [false, true]) {
      const end = await run(emailSend, { ...mail, idempotent: true }, { host, launchKey, isRepeat });
      expect(end.kind).toBe("succeeded");
      letGo();
    }
    expect(readdirSync(folder)).toEqual([`${launchKey}@nocturne.eml`]);
    expect(readFileSync(join(folder, `${launchKey}@nocturne.eml`), "utf8")).toContain("Subject: Sales: 3 stores");
  });
});
