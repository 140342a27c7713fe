import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { inboxDelivery } from "../../engine/notify/inbox.ts";
import { partOf } from "./mail-server.ts";
import { outgoing } from "./mails.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "nocturne-inbox-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const inbox = () => inboxDelivery({ folder: join(home, "mails"), from: "nocturne@example.com" });

it("a mail becomes a file that mail programs open, named after its message id", async () => {
  const result = await inbox().deliver(outgoing());
  expect(result).toMatchObject({ kind: "accepted" });
  const eml = await readFile(join(home, "mails", "0123abcd@nocturne.eml"), "utf8");
  expect(eml).toMatch(/^Message-ID: <0123abcd@nocturne>\r$/m);
  expect(eml).toMatch(/^To: oncall@example.com\r$/m);
  expect(partOf(eml, "text/plain")).toContain("It failed.");
  expect(partOf(eml, "text/html")).toContain("<p>It failed.</p>");
});

it("a repeat replaces the same file and leaves nothing beside it", async () => {
  await inbox().deliver(outgoing());
  await inbox().deliver(outgoing());
  expect(await readdir(join(home, "mails"))).toEqual(["0123abcd@nocturne.eml"]);
});

it.each(["../../../etc/evil@x", "..", "/etc/evil", "a\\b:c", "x".repeat(400)])(
  "the message id %j stays in the folder",
  async (messageId) => {
    expect((await inbox().deliver(outgoing({ messageId }))).kind).toBe("accepted");
    expect(await readdir(home)).toEqual(["mails"]);
    const files = await readdir(join(home, "mails"));
    expect(files).toHaveLength(1);
    expect(files[0]).toMatch(/^[^/\\:]{1,250}\.eml$/);
  },
);

it("an address that is none is refused here as well", async () => {
  expect(await inbox().deliver(outgoing({ receiver: "nobody" }))).toMatchObject({
    kind: "refused",
    code: "MAIL_REFUSED",
  });
});

it("a folder that cannot be written keeps the mail waiting and says why", async () => {
  await writeFile(join(home, "mails"), "a file where the folder should be");
  expect(await inbox().deliver(outgoing())).toMatchObject({ kind: "retry", code: "HOME_UNUSABLE" });
});
