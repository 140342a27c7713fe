import { Decimal } from "decimal.js";
import { describe, expect, test } from "vitest";
import { demoHome, inboxMails, nocturne, remoteJobs, shownRun, type StoryDocument } from "./demo-story.ts";

/** 06:00 in New York on the morning after the night of 1 January 2026. */
const DEADLINE = Date.parse("2026-01-02T11:00:00Z");

describe("nocturne demo --slow", () => {
  test("ends green and late after one sla_missed mail, with one remote job for each launch key", async () => {
    const home = demoHome();
    const { code, out, err } = await nocturne(["demo", "--slow", "--home", home, "--json"]);
    expect({ code, err: code === 0 ? "" : err }).toEqual({ code: 0, err: "" });
    const document = JSON.parse(out) as StoryDocument;
    expect(document.runs).toMatchObject([
      {
        dag_run_id: "scheduled__2026-01-01T07:00:00+00:00",
        state: "success",
        logical_date: "2026-01-01T07:00:00+00:00",
      },
    ]);
    expect(document.sla).toEqual({ met: 0, missed: 1 });
    expect(document.stores.length).toBeGreaterThan(0);
    expect(document.mails).toEqual([
      {
        kind: "sla_missed",
        subject: expect.stringMatching(
          /^nightly_store_sales missed ready_for_stores: not finished by 06:00/,
        ) as unknown,
        to: "data-oncall@example.com",
      },
    ]);
    expect(document.budget).toMatchObject({ limit: "25", currency: "USD", stopped: false });

    const mails = await inboxMails(home);
    expect(mails).toHaveLength(1);
    expect(mails[0]).toMatchObject({ To: "data-oncall@example.com", Subject: `[LOCAL] ${document.mails[0]?.subject}` });
    expect(mails[0]?.["Message-ID"]).toMatch(/^<[0-9a-f]{40}@nocturne>$/);

    const run = await shownRun(home, document.runs[0]?.dag_run_id ?? "");
    expect(run.state).toBe("success");
    expect(Date.parse(run.ended_at)).toBeGreaterThan(DEADLINE);
    const clean = run.tasks.find(({ task_id }) => task_id === "clean_sales");
    expect(clean?.attempts.map(({ failure }) => failure?.code ?? "success").slice(0, 2)).toEqual([
      "TIMEOUT",
      "success",
    ]);

    const jobs = await remoteJobs(home);
    const keys = jobs.flatMap(({ launchKey }) => launchKey ?? []);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys).toEqual(expect.arrayContaining(clean?.attempts.map(({ launch_key }) => launch_key) ?? []));
    const glue = jobs.filter(({ service }) => service === "Glue").sort((a, b) => a.startedAt - b.startedAt);
    expect(glue.map(({ state }) => state)).toEqual(["STOPPED", "SUCCEEDED"]);
    // The stalled try ran for two hours of the clock, and was paid for: 4 DPU at 0.44 USD.
    const [stalled] = clean?.attempts ?? [];
    expect(new Decimal(stalled?.usage[0]?.quantity ?? 0).toNumber()).toBeGreaterThan(8);
    expect(new Decimal(document.budget.spent).gt(stalled?.usage[0]?.amount ?? 0)).toBe(true);
  });
});
