import { expect, it } from "vitest";
import { startAlerter } from "../../engine/notify/alerter.ts";
import type { OutgoingMail } from "../../engine/notify/mail.ts";
import { renderMail } from "../../engine/notify/render.ts";
import { storeOfThisFile } from "../store/fleet.ts";
import { FACTS, oweMail } from "./mails.ts";

const here = storeOfThisFile();

const { failures: _, ...RUN } = FACTS;
const runId = "01890000-0000-7000-8000-000000000001";
const approval = { runId, taskNo: 1, mapIndex: -1, taskId: "ask", tryNumber: 1, message: "Publish?", until: null };
const facts = { ...RUN, approval };

it("a mail that asks says the question, the link and the commands", () => {
  const settings = { publicUrl: null, local: false, decideUrl: "https://nocturne.example.com/approvals/abc" };
  const { text } = renderMail({ kind: "approval_needed", subject: "asks", facts }, settings);
  expect(text).toContain("nightly_store_sales for 2026-01-01 waits for your approval.");
  expect(text).toContain("Publish?");
  expect(text).toContain("Approve or reject: https://nocturne.example.com/approvals/abc");
  expect(text).toContain("nocturne tasks approve scheduled__2026-01-02T05:00:00+00:00 ask --dag nightly_store_sales");
});

it("every receiver has a link of their own, which no row of the database shows", async () => {
  const sent: OutgoingMail[] = [];
  const receivers = ["ana@example.com", "bob@example.com"];
  for (const receiver of receivers) await oweMail(here.store, { kind: "approval_needed", receiver, facts });
  const alerter = startAlerter({
    store: here.store,
    delivery: {
      deliver: async (mail) => (sent.push(mail), { kind: "accepted", response: "250 OK" }),
      close: async () => undefined,
    },
    publicUrl: "https://nocturne.example.com/",
    local: false,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    onTrouble: () => undefined,
  });
  await alerter.settled();
  await alerter.stop();
  const links = sent.map(
    ({ text }) => /https:\/\/nocturne\.example\.com\/approvals\/([\w-]{43})/.exec(text)?.[1] ?? "",
  );
  expect(new Set(links).size).toBe(2);
  expect(links).not.toContain("");
  const { rows } = await here.store.pool.query("SELECT * FROM approval_link ORDER BY receiver");
  expect(rows).toMatchObject(receivers.map((receiver) => ({ receiver, task_id: "ask", run_id: runId })));
  const { rows: outbox } = await here.store.pool.query("SELECT * FROM outbox");
  for (const link of links) expect(JSON.stringify([rows, outbox])).not.toContain(link);
});
