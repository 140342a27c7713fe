import { describe, expect, it } from "vitest";
import type { NotifyEvent } from "../../engine/core/dag.ts";
import type { MailFacts } from "../../engine/core/records.ts";
import { renderMail, type RenderSettings } from "../../engine/notify/render.ts";
import { FACTS } from "./mails.ts";

const rendered = (kind: NotifyEvent, facts: MailFacts, settings: Partial<RenderSettings> = {}, subject = "subject") =>
  renderMail({ kind, subject, facts }, { publicUrl: null, local: false, ...settings });

const { failures: _, runState: __, endedAt: ___, ...RUNNING } = FACTS;
const BUDGET = {
  limit: "25",
  spent: "25.3123456789",
  currency: "USD",
  onExceeded: "stop",
  tasks: [
    { taskId: "clean_sales", amount: "20.1" },
    { taskId: "aggregate", amount: "5.2123456789" },
  ],
} as const;

describe("a mail about a failed run", () => {
  it("says what failed and why, and what to do about it", () => {
    const { text } = rendered("run_failed", FACTS);
    expect(text).toContain("nightly_store_sales for 2026-01-01 failed.");
    expect(text).toContain("Task clean_sales, try 2");
    expect(text).toContain("JOB_FAILED  AnalysisException: no such column: <price>");
    expect(text).toContain("Read the last log lines");
  });

  it("shows times as the DAG's zone has them, with the zone's name", () => {
    const { text } = rendered("run_failed", FACTS);
    expect(text).toMatch(/Due: +2026-01-02 02:00 America\/New_York/);
    expect(text).toMatch(/Started: +2026-01-02 02:00:01 America\/New_York/);
    expect(text).toMatch(/Ended: +2026-01-02 03:30 America\/New_York/);
  });

  it("shows the last 20 log lines at most", () => {
    const [failure] = FACTS.failures ?? [];
    if (!failure) throw new Error("no failure");
    const logTail = Array.from({ length: 30 }, (_, index) => `line ${index + 1} of the log`);
    const { text, html } = rendered("run_failed", { ...FACTS, failures: [{ ...failure, logTail }] });
    for (const form of [text, html]) {
      expect(form).not.toContain("line 10 of the log");
      expect(form).toContain("line 11 of the log");
      expect(form).toContain("line 30 of the log");
    }
  });

  it("links the console, and the run where people reach the API", () => {
    const url =
      "https://nocturne.example.com/api/v2/dags/nightly_store_sales/dagRuns/scheduled__2026-01-02T05%3A00%3A00%2B00%3A00";
    const { text, html } = rendered("run_failed", FACTS, { publicUrl: "https://nocturne.example.com/" });
    expect(text).toContain("Glue run jr_1: https://us-east-1.console.aws.amazon.com/gluestudio?run=jr_1&tab=logs");
    expect(html).toContain('<a href="https://us-east-1.console.aws.amazon.com/gluestudio?run=jr_1&amp;tab=logs">');
    expect(text).toContain(`The run: ${url}`);
    expect(html).toContain(`<a href="${url}">The run</a>`);
  });

  it("links no run where nobody said how people reach the API", () => {
    expect(rendered("run_failed", FACTS).text).not.toContain("/api/v2");
  });
});

describe("a mail about a missed deadline", () => {
  const deadlineAt = Date.parse("2026-01-02T11:00:00Z");
  const sla = { rule: "before_work", finishBy: "06:00", deadlineAt, waitsFor: ["clean_sales (running)"] };

  it("says which rule, the deadline, and what the run waits for", () => {
    const { text } = rendered("sla_missed", { ...RUNNING, runState: "running", sla });
    expect(text).toContain("before_work: finish_by 06:00");
    expect(text).toContain("2026-01-02 06:00 America/New_York");
    expect(text).toMatch(/waits for:\n\n {2}- clean_sales \(running\)/);
    expect(text).toMatch(/State: +running/);
  });

  it("says that the run has not started where it has not", () => {
    const { startedAt: _, ...queued } = RUNNING;
    expect(rendered("sla_missed", { ...queued, sla: { ...sla, waitsFor: [] } }).text).toContain("has not started");
  });

  it("says that there is no run where there is none", () => {
    const facts: MailFacts = { dagId: "a", timezone: "UTC", sla: { ...sla, waitsFor: [] } };
    expect(rendered("sla_missed", facts).text).toContain("No run for this due time is under way.");
  });

  it("sums up those that a long stop let pass", () => {
    const alsoMissed = [
      { rule: "before_work", dueAt: Date.parse("2026-01-01T07:00:00Z"), deadlineAt: deadlineAt - 86_400_000 },
    ];
    const { text } = rendered("sla_missed", { dagId: "a", timezone: "America/New_York", alsoMissed });
    expect(text).toContain("a missed deadlines while nothing ran.");
    expect(text).toContain(
      "before_work: due 2026-01-01 02:00 America/New_York, deadline 2026-01-01 06:00 America/New_York",
    );
  });
});

describe("a mail about a budget", () => {
  it("says limit, spent and what spends most, in the budget's currency", () => {
    const { text } = rendered("budget_warning", { ...RUNNING, budget: { ...BUDGET, spent: "20.30" } });
    expect(text).toMatch(/Limit: +25 USD per run/);
    expect(text).toMatch(/Spent: +20.3 USD \(81% of the limit\)/);
    expect(text).toContain("- clean_sales: 20.1 USD\n  - aggregate: 5.2123 USD");
    expect(text).toMatch(/At the limit: +what still runs is cancelled/);
  });

  it.each([
    ["stop", "what still runs is cancelled"],
    ["block", "what runs may finish and nothing more starts"],
    ["warn", "nothing is stopped"],
  ] as const)("that is exceeded says what was done: %s", (onExceeded, words) => {
    const { text } = rendered("budget_exceeded", { ...RUNNING, budget: { ...BUDGET, onExceeded } });
    expect(text).toMatch(/Spent: +25.3123 USD \(101% of the limit\)/);
    expect(text).toMatch(new RegExp(`What was done: +${words}`));
  });
});

describe("what ran on this machine only", () => {
  it("is labelled LOCAL in the subject and in both parts", () => {
    const { subject, text, html } = rendered("run_failed", FACTS, { local: true });
    expect(subject).toBe("[LOCAL] subject");
    for (const form of [text, html]) expect(form).toContain("LOCAL: this ran on one machine with local-aws");
  });

  it("is the only thing labelled so", () => {
    const { subject, text, html } = rendered("run_failed", FACTS);
    for (const form of [subject, text, html]) expect(form).not.toContain("LOCAL");
  });
});

describe("text from outside", () => {
  const [failure] = FACTS.failures ?? [];
  const hostile = (text: string): MailFacts => ({
    ...FACTS,
    owner: text,
    failures: failure ? [{ ...failure, message: text, logTail: [text], links: [{ label: text, url: text }] }] : [],
    sla: { rule: text, finishBy: text, deadlineAt: 0, waitsFor: [text] },
    budget: { ...BUDGET, tasks: [{ taskId: text, amount: "1" }] },
  });

  it("is shown as it is in the HTML, whatever markup it holds and wherever it stands", () => {
    const evil = `<script>alert("1")</script><img src='https://evil.example/x'>&amp;`;
    const { html } = rendered("run_failed", hostile(evil), {}, evil);
    expect(html).not.toMatch(/<script|<img/);
    expect(html).toContain(
      "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&lt;img src=&#39;https://evil.example/x&#39;&gt;&amp;amp;",
    );
  });

  it("is never a template", () => {
    const { text } = rendered("run_failed", hostile("{{ 7 | times: 7 }} ${7*7} {% raw %} $& $1"));
    expect(text).toContain("{{ 7 | times: 7 }} ${7*7} {% raw %} $& $1");
  });

  it("loses colours, control characters and what turns the writing around", () => {
    const { text, html, subject } = rendered(
      "run_failed",
      hostile("\x1b[31mred\x1b[0m \x07bell \u202etxt.exe"),
      {},
      "a\r\nb\0",
    );
    for (const form of [text, html, subject]) expect(form).not.toMatch(/[\0-\x08\x0b-\x1f\x7f\u202e]/);
    expect(text).toContain("red bell txt.exe");
    expect(subject).toBe("a b");
  });

  it("makes no link of what is no web address", () => {
    const { html } = rendered("run_failed", hostile("javascript:alert(1)"));
    expect(html).not.toContain('href="javascript:');
    expect(html).toContain("javascript:alert(1)");
  });
});
