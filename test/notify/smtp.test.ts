import { createServer, type AddressInfo } from "node:net";
import type { SMTPServerOptions } from "smtp-server";
import { afterEach, describe, expect, it } from "vitest";
import type { DeliveryResult } from "../../engine/core/notify/delivery.ts";
import type { MailDelivery, OutgoingMail } from "../../engine/notify/mail.ts";
import { smtpDelivery } from "../../engine/notify/smtp.ts";
import { partOf, smtpError, startMailServer, type MailServer } from "./mail-server.ts";
import { outgoing } from "./mails.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function serve(settings: Parameters<typeof startMailServer>[0] = {}): Promise<MailServer> {
  const server = await startMailServer(settings);
  open.unshift(server);
  return server;
}

function delivery(smtpUrl: string, timeouts = { connectMs: 2_000, socketMs: 2_000, sendMs: 5_000 }): MailDelivery {
  const made = smtpDelivery({ smtpUrl, from: "Nocturne <nocturne@example.com>", timeouts });
  open.unshift(made);
  return made;
}

const send = (url: string, change: Partial<OutgoingMail> = {}): Promise<DeliveryResult> =>
  delivery(url).deliver(outgoing(change));

const wantsLogin: SMTPServerOptions = {
  authOptional: false,
  allowInsecureAuth: true,
  onAuth: ({ username, password }, _session, done) =>
    username === "night" && password === "s3cret/@:"
      ? done(null, { user: "night" })
      : done(smtpError(535, `5.7.8 wrong password: ${password}`)),
};

describe("a mail that is taken", () => {
  it("bears its Message-ID exactly, says that a program wrote it, and of which DAG and kind it is", async () => {
    const server = await serve();
    expect(await send(server.url)).toMatchObject({
      kind: "accepted",
      response: expect.stringContaining("250") as string,
    });
    const [mail] = server.arrived;
    expect(Object.fromEntries(mail?.headers ?? [])).toMatchObject({
      "message-id": "<0123abcd@nocturne>",
      "auto-submitted": "auto-generated",
      "x-nocturne-dag": "nightly_store_sales",
      "x-nocturne-kind": "run_failed",
      subject: "nightly_store_sales failed",
      to: "oncall@example.com",
      from: "Nocturne <nocturne@example.com>",
      date: "Fri, 02 Jan 2026 08:30:00 +0000",
    });
    expect(mail).toMatchObject({ from: "nocturne@example.com", to: ["oncall@example.com"] });
  });

  it("has a text and an HTML part", async () => {
    const server = await serve();
    await send(server.url, { text: "größer\n", html: "<p>größer</p>\n" });
    const raw = server.arrived[0]?.raw ?? "";
    expect(partOf(raw, "text/plain")).toContain("größer");
    expect(partOf(raw, "text/html")).toContain("<p>größer</p>");
  });

  it("goes over the connection of the one before", async () => {
    const connections: string[] = [];
    const server = await serve({
      options: { onConnect: (session, done) => void (connections.push(session.id), done()) },
    });
    const kept = delivery(server.url);
    await kept.deliver(outgoing({ messageId: "1@nocturne" }));
    await kept.deliver(outgoing({ messageId: "2@nocturne" }));
    expect(server.arrived).toHaveLength(2);
    expect(connections).toHaveLength(1);
  });
});

it("a kept connection that the server has dropped is replaced, and no try is lost by it", async () => {
  const server = await serve();
  const kept = delivery(server.url);
  expect((await kept.deliver(outgoing({ messageId: "1@nocturne" }))).kind).toBe("accepted");
  server.hangUp();
  expect((await kept.deliver(outgoing({ messageId: "2@nocturne" }))).kind).toBe("accepted");
});

describe("TLS", () => {
  const offersTls = { options: { disabledCommands: [] } };

  it("is used where the server offers STARTTLS", async () => {
    const server = await serve(offersTls);
    const result = await send(`${server.url}?tls.rejectUnauthorized=false`);
    expect(result.kind).toBe("accepted");
    expect(server.arrived[0]?.isSecure).toBe(true);
  });

  it("is there from the first byte with smtps://", async () => {
    const server = await serve({ options: { secure: true } });
    const result = await send(`smtps://127.0.0.1:${server.port}?tls.rejectUnauthorized=false`);
    expect(result.kind).toBe("accepted");
    expect(server.arrived[0]?.isSecure).toBe(true);
  });

  it("with a certificate that nobody vouches for is a failure that is tried again", async () => {
    const server = await serve(offersTls);
    expect(await send(server.url)).toMatchObject({
      kind: "retry",
      reason: "unreachable",
      code: "MAIL_UNREACHABLE",
      response: expect.stringMatching(/certificate/i) as string,
    });
    expect(server.arrived).toEqual([]);
  });

  it("can be demanded, and then no mail goes without it", async () => {
    const server = await serve();
    expect(await send(`${server.url}?requireTLS=true`)).toMatchObject({ kind: "retry", reason: "unreachable" });
    expect(server.arrived).toEqual([]);
  });
});

describe("a login", () => {
  it("that is right lets the mail through", async () => {
    const server = await serve({ options: wantsLogin });
    const url = server.url.replace("smtp://", `smtp://night:${encodeURIComponent("s3cret/@:")}@`);
    expect((await send(url)).kind).toBe("accepted");
  });

  it("that is wrong is said as such, to be tried again, and no password is in what is said", async () => {
    const server = await serve({ options: wantsLogin });
    const result = await send(server.url.replace("smtp://", "smtp://night:hunter2%2F@"));
    expect(result).toMatchObject({ kind: "retry", reason: "login", code: "MAIL_LOGIN" });
    expect(result.response).toContain("535");
    expect(result.response).toContain(`smtp://127.0.0.1:${server.port}`);
    expect(JSON.stringify(result)).not.toMatch(/hunter2/);
  });

  it("that is missing is said as such", async () => {
    const server = await serve({ options: wantsLogin });
    expect(await send(server.url)).toMatchObject({ kind: "retry", reason: "login", code: "MAIL_LOGIN" });
  });
});

describe("a server that says no", () => {
  it("for now after DATA puts the mail off", async () => {
    const server = await serve({ answer: () => ({ code: 451, text: "4.7.1 greylisted" }) });
    expect(await send(server.url)).toMatchObject({
      kind: "retry",
      reason: "deferred",
      code: "MAIL_UNREACHABLE",
      response: expect.stringContaining("451 4.7.1 greylisted") as string,
    });
  });

  it.each(["receiver", "data"] as const)("for good to the %s refuses the mail, in its own words", async (where) => {
    const no = smtpError(550, "5.1.1 no such user here");
    const server = await serve(
      where === "data"
        ? { answer: () => ({ code: 550, text: no.message }) }
        : { options: { onRcptTo: (_address, _session, done) => done(no) } },
    );
    const result = await send(server.url);
    expect(result).toMatchObject({ kind: "refused", code: "MAIL_REFUSED" });
    expect(result.response).toContain("550 5.1.1 no such user here");
  });

  it("to the sender is a matter of the settings: every mail is kept", async () => {
    const options = {
      onMailFrom: (_: unknown, __: unknown, done: (error: Error) => void) => done(smtpError(550, "who?")),
    };
    const server = await serve({ options });
    const result = await send(server.url);
    expect(result).toMatchObject({ kind: "retry", reason: "unreachable", code: "MAIL_UNREACHABLE" });
    expect(result.response).toContain("nocturne@example.com");
  });
});

describe("a server that is not there", () => {
  it("is unreachable when nobody listens", async () => {
    const server = await startMailServer();
    await server.close();
    expect(await send(server.url)).toMatchObject({
      kind: "retry",
      reason: "unreachable",
      code: "MAIL_UNREACHABLE",
      response: expect.stringContaining("ECONNREFUSED") as string,
    });
  });

  it("is unreachable when it accepts and never speaks", async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    open.push({ close: () => new Promise((resolve) => silent.close(() => resolve())) });
    const url = `smtp://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const result = await delivery(url, { connectMs: 50, socketMs: 50, sendMs: 5_000 }).deliver(outgoing());
    expect(result).toMatchObject({ kind: "retry", reason: "unreachable" });
  });

  it("is unreachable when it speaks on and on and never ends", async () => {
    const trickle = createServer((socket) => {
      const timer = setInterval(() => socket.write("220-still here\r\n"), 10);
      socket.on("close", () => clearInterval(timer)).on("error", () => undefined);
    });
    await new Promise<void>((resolve) => trickle.listen(0, "127.0.0.1", resolve));
    open.push({ close: () => new Promise((resolve) => trickle.close(() => resolve())) });
    const url = `smtp://127.0.0.1:${(trickle.address() as AddressInfo).port}`;
    const result = await delivery(url, { connectMs: 2_000, socketMs: 2_000, sendMs: 100 }).deliver(outgoing());
    expect(result).toMatchObject({
      kind: "retry",
      reason: "unreachable",
      response: expect.stringContaining("in time") as string,
    });
  });

  it("that hangs up between DATA and its answer leaves the mail to be sent again", async () => {
    const server = await serve({ answer: () => "hang up" });
    expect(await send(server.url)).toMatchObject({ kind: "retry", reason: "unreachable" });
    expect(server.arrived).toHaveLength(1);
  });
});

describe("what is meant to break out", () => {
  const EVIL = "oncall@example.com\r\nBcc: thief@example.com";

  it("of the subject adds no header and no receiver", async () => {
    const server = await serve();
    await send(server.url, { subject: "failed\r\nBcc: thief@example.com\r\n\r\nbody" });
    const [mail] = server.arrived;
    expect(mail?.headers.has("bcc")).toBe(false);
    expect(mail?.to).toEqual(["oncall@example.com"]);
    expect(mail?.headers.get("subject")).toMatch(/^failed\s+Bcc: thief@example.com\s+body$/);
  });

  it("of the DAG's name or the kind adds no header", async () => {
    const server = await serve();
    await send(server.url, { dagId: "a\r\nX-Evil: 1", kind: "b\nX-Evil: 2" });
    expect(server.arrived[0]?.headers.has("x-evil")).toBe(false);
  });

  it.each([
    EVIL,
    "a@example.com, thief@example.com",
    "<a@example.com>",
    "a@example.com> RCPT TO:<b@example.com",
    "none",
  ])("of the address is refused and never sent: %j", async (receiver) => {
    const server = await serve();
    expect(await send(server.url, { receiver })).toMatchObject({ kind: "refused", code: "MAIL_REFUSED" });
    expect(server.arrived).toEqual([]);
  });
});

describe("SMTP_URL", () => {
  it.each(["http://mail.example.com", "smtp://", "nonsense with s3cret", "smtp://user:s3cret@host?pool=false"])(
    "%j is told without its text",
    (smtpUrl) => {
      expect(() => smtpDelivery({ smtpUrl, from: "a@example.com" })).toThrow(/CONFIG_INVALID/);
      expect(() => smtpDelivery({ smtpUrl, from: "a@example.com" })).not.toThrow(/s3cret/);
    },
  );
});
