import fc from "fast-check";
import { Decimal } from "decimal.js";
import { describe, expect, test } from "vitest";
import type { BudgetSpec, TaskSpec } from "../../engine/core/dag.ts";
import { Scenario, dagSpec, tasksOf } from "./scenario.ts";

const EVENTS = ["budget_warning", "budget_exceeded"] as const;

/** A run that may spend 25 USD. */
function budgeted(arrows: string, onExceeded: BudgetSpec["onExceeded"], tasks: Record<string, Partial<TaskSpec>> = {}) {
  const budget = { perRun: "25", currency: "USD", warnAt: 0.8, onExceeded } as const;
  const notify = [{ email: ["oncall@example.com"], on: EVENTS }];
  return new Scenario({ ...dagSpec(tasksOf(arrows, tasks)), budget, notify });
}

const told = (s: Scenario): string[] => s.flushed("mails").map((mail) => mail.kind);
const accruedRows = (s: Scenario) => s.flushed("ledger").filter(({ kind }) => kind === "accrued");

const cluster = { make: { isSetup: true }, end: { teardownOf: ["make"] } };

describe("what a run spends", () => {
  test("is told once at its share of the limit, and once beyond it", () => {
    const s = budgeted("a", "warn").costs("a", "19.99");
    expect(told(s)).toEqual([]);
    s.costs("a", "20").costs("a", "21").costs("a", "25");
    expect(told(s)).toEqual(["budget_warning"]);
    s.costs("a", "25.301").costs("a", "40");
    expect(told(s)).toEqual(["budget_warning", "budget_exceeded"]);
    expect(s.row).toMatchObject({ budgetLevel: "exceeded", ending: null, state: "running" });
    expect(s.flushed("mails")[1]).toMatchObject({
      receiver: "oncall@example.com",
      subject: expect.stringContaining("nightly exceeded its budget: spent 25.31 of 25 USD") as string,
      facts: {
        budget: {
          limit: "25",
          spent: "25.301",
          currency: "USD",
          onExceeded: "warn",
          tasks: [{ taskId: "a", amount: "25.301" }],
        },
      },
    });
    s.succeeds("a").expect({ a: "success", run: "success" });
  });

  test("tells of both limits when one look passes both", () => {
    expect(told(budgeted("a", "warn").costs("a", "26"))).toEqual(["budget_warning", "budget_exceeded"]);
  });

  test("is the sum over all tasks and tries, dearest first", () => {
    const s = budgeted("a; b", "warn", { a: { retries: 1, retryDelayMs: 0 } });
    s.ends("a", "failed", "9").later(1).costs("a", "1").costs("b", "10");
    expect(s.flushed("mails")[0]?.facts.budget).toMatchObject({
      spent: "20",
      tasks: [
        { taskId: "a", amount: "10" },
        { taskId: "b", amount: "10" },
      ],
    });
  });

  test("is written with the level that it reached in one flush", () => {
    const s = budgeted("a", "warn").costs("a", "19.99").costs("a", "20");
    const batch = s.batches.at(-1);
    expect(batch?.runsChanged.map(({ to }) => to.budgetLevel)).toEqual(["warned"]);
    expect(batch?.mails).toHaveLength(1);
    expect(batch?.ledger).toMatchObject([{ kind: "accrued", amount: "20" }]);
  });

  test("rule 34: is written at a hundredth of the limit ahead or after five minutes, and a look that says the same writes nothing", () => {
    const s = budgeted("a", "warn").costs("a", "0.19");
    expect(accruedRows(s)).toEqual([]);
    s.costs("a", "0.20");
    expect(accruedRows(s)).toHaveLength(1);
    s.costs("a", "0.30").later(299_999).costs("a", "0.31");
    expect(accruedRows(s)).toHaveLength(1);
    s.later(1).costs("a", "0.32");
    expect(accruedRows(s).map(({ amount }) => amount)).toEqual(["0.2", "0.32"]);
    s.later(300_000).costs("a", "0.32");
    expect(accruedRows(s)).toHaveLength(2);
  });

  test("rule 34: many small amounts of a run are written together before they make up a hundredth of the limit", () => {
    const s = budgeted("a; b; c", "warn").costs("a", "0.15").costs("b", "0.04");
    expect(accruedRows(s)).toEqual([]);
    s.costs("c", "0.01");
    expect(accruedRows(s).map(({ amount }) => amount)).toEqual(["0.15", "0.04", "0.01"]);
  });

  test("without a budget is written every five minutes", () => {
    const s = new Scenario(dagSpec(tasksOf("a", {}))).costs("a", "100").costs("a", "200");
    expect(accruedRows(s)).toEqual([]);
    s.later(300_000).costs("a", "300");
    expect(accruedRows(s)).toMatchObject([{ amount: "300" }]);
  });

  test("is what was accrued where nobody tells in the end, and nothing where the bill names it no more", () => {
    const s = budgeted("a; b", "warn").costs("a", "0.1").costs("b", "0.05").succeeds("a");
    s.observe("b", { kind: "succeeded", output: {}, usage: [] });
    expect(s.booked().map(({ amount }) => amount)).toEqual(["0.1", "0"]);
  });
});

describe("stop", () => {
  test("cancels every open attempt, skips the rest, tears down, and fails the run with the figures", () => {
    const s = budgeted("make -> a -> end; make -> b -> end; a -> after", "stop", { ...cluster, a: { retries: 2 } });
    s.succeeds("make")
      .starts("b")
      .costs("a", "25.31")
      .expect({ a: "running", b: "running", after: "skipped", end: "none" });
    for (const task of ["a", "b"]) {
      expect(s.owes(task)).toContain("cancel +0");
      expect(s.attempt(task).ending).toMatchObject({ cause: "budget", by: "engine", why: "spent 25.31 of 25 USD" });
    }
    s.ends("a", "failed", "25.4").ends("b", "failed", "1").expect({ a: "failed", b: "failed", end: "queued" });
    expect(s.attempt("a").failure).toEqual({
      class: "permanent",
      code: "BUDGET_EXCEEDED",
      message: "the run spent 25.31 of 25 USD",
    });
    s.costs("end", "5").expect({ end: "running", run: "running" });
    expect(s.attempt("end").ending).toBeNull();
    s.succeeds("end").expect({ end: "success", run: "failed" });
    expect(told(s)).toEqual([...EVENTS]);
  });

  test("rule 23: lets a job that succeeded meanwhile stand, and the run fails all the same", () => {
    budgeted("a -> b", "stop").costs("a", "26").succeeds("a").expect({ a: "success", b: "skipped", run: "failed" });
  });

  test("ends an intent that was not sent yet and a sensor that only waits", () => {
    const s = budgeted("a; b; wait", "stop", { wait: { operator: "sensor" } })
      .starts("wait")
      .costs("a", "26");
    s.expect({ wait: "failed" });
    expect(s.owes("b")).toEqual(["withdraw +0"]);
    s.event("b", { kind: "not_sent", tryNumber: 1 }).expect({ b: "failed" });
    expect(s.attempt("b").failure?.code).toBe("BUDGET_EXCEEDED");
  });

  test("comes from a meter that stays open after its task, which is looked at like a job that runs", () => {
    const s = budgeted("make -> work -> end", "stop", cluster);
    s.starts("make");
    const open = (usd: string) =>
      ({
        kind: "succeeded",
        output: {},
        usage: [{ kind: "usd", quantity: usd, unit: "dollar" }],
        settleAfterMs: 30_000,
      }) as const;
    s.observe("make", open("1"));
    expect(s.owes("make")).toEqual(["settle +0"]);
    s.costs("work", "2");
    const written = s.batches.length;
    s.observe("make", open("1.1"));
    expect(s.batches.slice(written).flatMap((batch) => [...batch.attemptsChanged, ...batch.ledger])).toEqual([]);
    s.observe("make", open("23.5"));
    expect(s.attempt("work").ending?.why).toBe("spent 25.50 of 25 USD");
    s.fails("work").expect({ end: "queued" });
    s.succeeds("end").expect({ run: "failed", make: "success" });
  });

  test("stops nothing where only teardowns are left: what was done stands, and the mail is sent", () => {
    const s = budgeted("make -> work -> end", "stop", cluster).succeeds("make").succeeds("work").costs("end", "30");
    s.succeeds("end").expect({ end: "success", run: "success" });
    expect(told(s)).toEqual([...EVENTS]);
  });
});

describe("block", () => {
  test("starts nothing more, lets what runs finish, and fails the run with the figures", () => {
    const s = budgeted("make -> a -> b -> end", "block", { ...cluster, a: { retries: 2 } }).succeeds("make");
    s.costs("a", "25.31").expect({ a: "running", b: "skipped" });
    expect(s.attempt("a").ending).toBeNull();
    expect(s.owes("a")).not.toContain("cancel +0");
    s.succeeds("a").succeeds("end").expect({ a: "success", run: "failed" });
    expect(s.row.ending).toMatchObject({ cause: "budget", why: "spent 25.31 of 25 USD" });
  });

  test("takes back an intent that was not sent yet, and waits for nothing that only a sensor waits for", () => {
    const s = budgeted("a; b; wait", "block", { wait: { operator: "sensor" } })
      .starts("wait")
      .costs("a", "26");
    s.expect({ a: "running", wait: "failed" });
    expect(s.owes("b")).toEqual(["withdraw +0"]);
  });

  test("tries nothing again, and keeps the failure's own reason", () => {
    const s = budgeted("a", "block", { a: { retries: 2 } })
      .costs("a", "26")
      .fails("a", "retryable");
    s.expect({ a: "failed", run: "failed" });
    expect(s.attempt("a").failure?.code).toBe("JOB_FAILED");
  });

  test("leaves a person free to cancel what it lets finish", () => {
    const s = budgeted("a", "block").costs("a", "26").cancelRun();
    expect(s.owes("a")).toContain("cancel +0");
    s.fails("a").expect({ run: "failed" });
    expect(s.attempt("a").failure?.code).toBe("CANCELLED");
  });
});

describe("what comes late", () => {
  const late = { kind: "succeeded", output: {}, settleAfterMs: 1_000 } as const;

  test("at the end of the last task counts and is told of, and the run stands", () => {
    const s = budgeted("a", "stop").ends("a", "succeeded", "26").expect({ a: "success", run: "success" });
    expect(told(s)).toEqual([...EVENTS]);
  });

  test("with a task's end before others stops those", () => {
    budgeted("a -> b", "stop").ends("a", "succeeded", "26").expect({ a: "success", b: "skipped", run: "failed" });
  });

  test("after the run's end is told of and changes nothing else", () => {
    const s = budgeted("a", "stop").starts("a").observe("a", late).expect({ run: "success" });
    s.ends("a", "succeeded", "21").expect({ run: "success" });
    expect(told(s)).toEqual(["budget_warning"]);
    expect(s.row).toMatchObject({ budgetLevel: "warned", ending: null });
  });
});

describe("a takeover", () => {
  test("forgets nothing of what was spent and tells nothing twice", () => {
    const s = budgeted("a -> b", "stop").ends("a", "succeeded", "15").costs("b", "6").takeover().costs("b", "6");
    expect(told(s)).toEqual(["budget_warning"]);
    s.takeover().costs("b", "10.5");
    expect(s.attempt("b").ending?.why).toBe("spent 25.50 of 25 USD");
    s.takeover().costs("b", "11").fails("b").expect({ run: "failed" });
    expect(told(s)).toEqual([...EVENTS]);
    expect(s.attempt("b").failure?.message).toBe("the run spent 25.50 of 25 USD");
  });
});

describe("a run that starts again", () => {
  test("counts from nothing and tells anew, and an earlier bill that comes late is not its own", () => {
    const s = budgeted("a", "warn").starts("a");
    s.observe("a", {
      kind: "succeeded",
      output: {},
      usage: [{ kind: "usd", quantity: "21", unit: "dollar" }],
      settleAfterMs: 1,
    });
    expect(told(s)).toEqual(["budget_warning"]);
    s.now += 1_000;
    s.clears().expect({ a: "queued", run: "running" });
    expect(s.row.budgetLevel).toBe("ok");
    const usage = [{ kind: "usd", quantity: "24", unit: "dollar" }];
    s.event("a", { kind: "observed", tryNumber: 1, observation: { kind: "succeeded", output: {}, usage } });
    expect(s.row.budgetLevel).toBe("ok");
    s.costs("a", "19").takeover().costs("a", "19.5");
    expect(told(s)).toEqual(["budget_warning"]);
    s.costs("a", "20");
    expect(told(s)).toEqual(["budget_warning", "budget_warning"]);
    expect(new Set(s.flushed("mails").map(({ messageId }) => messageId)).size).toBe(2);
  });
});

const steps = fc.array(
  fc.record({
    task: fc.constantFrom("a", "b", "c"),
    cents: fc.nat(3_000),
    step: fc.constantFrom("look", "look", "look", "succeed", "fail", "wait", "takeover"),
  }),
  { maxLength: 40 },
);

test("block: a launch in doubt of which a search finds nothing is not sent again", () => {
  const s = budgeted("a; b", "block", { b: { operator: "find" } });
  s.submit("b", { kind: "doubt", message: "no answer" }).costs("a", "26");
  expect(s.attempt("b").ending).toBeNull();
  const { tryNumber } = s.attempt("b");
  s.later(3_600_000).event("b", { kind: "searched", tryNumber, refs: [] });
  s.expect({ b: "failed" });
  expect(s.attempt("b").failure).toMatchObject({ code: "BUDGET_EXCEEDED" });
  s.ends("a", "succeeded", "27").expect({ a: "success", run: "failed" });
});

test("whatever is looked at in whatever order and whoever looks, the ledger says in the end what the jobs last said", () => {
  fc.assert(
    fc.property(steps, fc.constantFrom("stop", "block", "warn"), (drawn, onExceeded) => {
      const s = budgeted("a; b; c", onExceeded);
      const last = new Map<string, number>();
      const isOpen = (task: string): boolean => s.view().nodes["abc".indexOf(task)]?.attempt?.state === "open";
      for (const { task, cents, step } of drawn) {
        if (step === "takeover") s.takeover();
        else if (step === "wait") s.later(200_000);
        else if (isOpen(task)) {
          const before = last.get(task) ?? 0;
          if (step === "look") last.set(task, Math.max(before, cents));
          else last.set(task, cents);
          const usd = new Decimal(cents).div(100).toFixed();
          if (step === "look") s.costs(task, usd);
          else s.ends(task, step === "succeed" ? "succeeded" : "failed", usd);
        }
      }
      for (const task of ["a", "b", "c"])
        if (isOpen(task)) s.ends(task, "failed", new Decimal(last.get(task) ?? 0).div(100).toFixed());
      const total = s.booked().reduce((sum, { amount }) => sum.plus(amount), new Decimal(0));
      const said = [...last.values()].reduce((sum, cents) => sum + cents, 0);
      expect(total.toFixed()).toBe(new Decimal(said).div(100).toFixed());
      const mails = told(s);
      expect(mails.length).toBe(new Set(mails).size);
      expect(mails.includes("budget_exceeded")).toBe(s.row.budgetLevel === "exceeded");
    }),
    { numRuns: 200 },
  );
});
