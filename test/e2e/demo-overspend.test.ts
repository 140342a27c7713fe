import { existsSync } from "node:fs";
import { join } from "node:path";
import { Decimal } from "decimal.js";
import { describe, expect, onTestFinished, test } from "vitest";
import { startMailServer } from "../notify/mail-server.ts";
import { demoHome, inboxMails, nocturne, remoteJobs, shownRun, type StoryDocument } from "./demo-story.ts";

describe("nocturne demo --overspend", () => {
  test("stops the Glue job, terminates the cluster, sends both mails once, and reports what the ledger holds", async () => {
    const home = demoHome();
    const { code, out, err } = await nocturne(["demo", "--overspend", "--home", home, "--json"]);
    expect({ code, err: code === 0 ? "" : err }).toEqual({ code: 0, err: "" });
    const { runs, mails, budget, cost } = JSON.parse(out) as StoryDocument;
    expect(runs).toMatchObject([{ state: "failed" }]);
    expect(mails.map(({ kind, to }) => [kind, to])).toEqual([
      ["budget_warning", "data-oncall@example.com"],
      ["budget_exceeded", "data-oncall@example.com"],
    ]);
    expect(budget).toMatchObject({ limit: "25", currency: "USD", stopped: true });
    expect(cost.amount).toBe(new Decimal(budget.spent).toFixed(2));

    const inbox = await inboxMails(home);
    expect(inbox.map((mail) => mail["Subject"]).sort()).toEqual(
      mails.map(({ subject }) => `[LOCAL] ${subject}`).sort(),
    );
    expect(new Set(inbox.map((mail) => mail["Message-ID"])).size).toBe(2);

    const jobs = await remoteJobs(home);
    expect(jobs.map(({ service, state }) => [service, state]).sort()).toEqual([
      ["EMR", "TERMINATED"],
      ["Glue", "STOPPED"],
    ]);

    const run = await shownRun(home, runs[0]?.dag_run_id ?? "");
    const task = (id: string) => run.tasks.find(({ task_id }) => task_id === id);
    expect(task("clean_again")).toMatchObject({
      state: "failed",
      attempts: [{ failure: { code: "BUDGET_EXCEEDED" } }],
    });
    expect(task("terminate_cluster")?.state).toBe("success");
    const amounts = run.tasks.flatMap(({ attempts }) =>
      attempts.flatMap(({ usage }) => usage.map(({ amount }) => amount)),
    );
    expect(Decimal.sum(...amounts).toFixed()).toBe(budget.spent);

    // Looks come a tenth of a second apart, a minute of this clock; six seconds leave a busy machine its time.
    const usage = run.tasks.flatMap(({ attempts }) => attempts.flatMap((attempt) => attempt.usage));
    const glue = jobs.find(({ service }) => service === "Glue");
    const hours = ((glue?.endedAt ?? 0) - (glue?.startedAt ?? 0)) / 3_600_000;
    const dollarsAnHour = Decimal.sum(...usage.map(({ amount }) => amount)).div(hours);
    const over = new Decimal(budget.spent).minus(budget.limit);
    // The bill leaves out what Glue took to start, which a look at a running job counts.
    expect(over.abs().lt(dollarsAnHour.times(6 * 600).div(3600))).toBe(true);
  });

  test("sends its mails over SMTP_URL when that is set, whatever other clock the environment wishes for", async () => {
    const server = await startMailServer();
    onTestFinished(() => server.close());
    const home = demoHome();
    const env = { SMTP_URL: server.url, NOCTURNE_TIME_SCALE: "7" };
    const { code, out, err } = await nocturne(["demo", "--overspend", "--home", home, "--json"], env);
    expect({ code, err: code === 0 ? "" : err }).toEqual({ code: 0, err: "" });
    const { mails } = JSON.parse(out) as StoryDocument;
    const subjects = server.arrived.map(({ headers }) => headers.get("subject"));
    expect(subjects.sort()).toEqual(mails.map(({ subject }) => `[LOCAL] ${subject}`).sort());
    expect(new Set(server.arrived.map(({ headers }) => headers.get("message-id"))).size).toBe(2);
    expect(existsSync(join(home, "inbox"))).toBe(false);
  });

  test("goes with no other kind of demo, nor with sales of one's own", async () => {
    for (const other of [["--slow"], ["--nights", "3"], ["--sales", "sales.csv"]]) {
      const { code, err } = await nocturne(["demo", "--overspend", ...other]);
      expect(code).toBe(2);
      expect(err).toContain(other[0]);
    }
  });
});
