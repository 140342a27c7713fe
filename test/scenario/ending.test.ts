import { expect } from "vitest";
import { scenario } from "./scenario.ts";

scenario(
  "rule 23: a timeout asks the job to stop and waits for its end before the next try",
  "a",
  { a: { timeoutMs: 60_000, retries: 1 } },
  (s) => {
    s.starts("a").later(59_999);
    expect(s.owes("a")).not.toContain("cancel +0");
    s.later(1).expect({ a: "running" });
    expect(s.owes("a")).toContain("cancel +0");
    s.fails("a", "permanent", "STOPPED").expect({ a: "up_for_retry" });
    expect(s.attempt("a").failure?.code).toBe("TIMEOUT");
  },
);

scenario("rule 23: a job that succeeded while it timed out stays a success", "a", { a: { timeoutMs: 60_000 } }, (s) =>
  s.starts("a").later(60_000).succeeds("a").expect({ a: "success", run: "success" }),
);

scenario("rule 23: a cancelled job that succeeded meanwhile keeps the person's word", "a", {}, (s) => {
  s.starts("a").cancelRun().succeeds("a").expect({ a: "failed", run: "failed" });
});

scenario("rule 23: an intent that is cancelled before it was sent ends without a job", "a", {}, (s) => {
  s.cancelRun();
  expect(s.owes("a")).toEqual(["withdraw +0"]);
  s.event("a", { kind: "not_sent", tryNumber: 1 }).expect({ a: "failed", run: "failed" });
});

scenario("rule 23: in doubt the job is found first, then cancelled", "a", {}, (s) => {
  s.submit("a", { kind: "doubt", message: "reset" }).cancelRun();
  s.later(90_000).event("a", { kind: "searched", tryNumber: 1, refs: ["jr_1"] });
  expect(s.owes("a")).toContain("cancel +0");
  s.fails("a").expect({ a: "failed" });
});

scenario(
  "a sensor's timeout counts over all its looks and is no reason to try again",
  "wait",
  { wait: { operator: "sensor", timeoutMs: 60_000, retries: 5 } },
  (s) => {
    s.starts("wait")
      .observe("wait", { kind: "running", detail: "waiting for s3://b/k" })
      .later(60_000)
      .expect({ wait: "failed" });
    expect(s.attempt("wait").failure).toMatchObject({ code: "WAIT_TIMEOUT" });
    expect(s.attempt("wait").failure?.message).toContain("s3://b/k");
  },
);

scenario("rule 20: lost needs three looks over two minutes and is not tried again", "a", { a: { retries: 3 } }, (s) => {
  s.starts("a");
  s.observe("a", { kind: "unseen" }).later(30_000);
  s.observe("a", { kind: "unseen" }).later(30_000);
  s.observe("a", { kind: "unseen" }).expect({ a: "running" });
  s.later(60_000).observe("a", { kind: "unseen" }).expect({ a: "failed" });
  expect(s.attempt("a").failure?.class).toBe("lost");
});

scenario("rule 20: one sight of the job begins the count of unseen looks anew", "a", {}, (s) => {
  s.starts("a").observe("a", { kind: "unseen" }).later(120_000);
  s.observe("a", { kind: "unseen" }).observe("a", { kind: "running", detail: "RUNNING" });
  s.observe("a", { kind: "unseen" }).expect({ a: "running" });
});

scenario("rule 20: a look that changes nothing writes nothing", "a", {}, (s) => {
  s.starts("a");
  const flushes = s.batches.length;
  s.observe("a", { kind: "running", detail: "RUNNING" });
  const written = s.batches
    .slice(flushes)
    .flatMap((batch) => [...batch.tasksChanged, ...batch.attemptsChanged, ...batch.history]);
  expect(written).toEqual([]);
});

scenario("rule 34: usage is accrued while a meter is open, and settled when it closes", "a", {}, (s) => {
  const usage = [{ kind: "emr.m5.xlarge.instance_hour", quantity: "0.5", unit: "instance-hour" }];
  s.starts("a").observe("a", { kind: "succeeded", output: {}, usage, settleAfterMs: 1_000 });
  s.expect({ a: "success", run: "success" });
  expect(s.owes("a")).toEqual(["settle +1000"]);
  expect(s.batches.at(-1)?.ledger).toMatchObject([{ kind: "accrued", amount: "0.22" }]);
  s.later(1_000).observe("a", { kind: "succeeded", output: {}, usage: [{ ...usage[0]!, quantity: "1.5" }] });
  expect(s.batches.at(-1)?.ledger).toMatchObject([{ kind: "settled", amount: "0.66", currency: "USD" }]);
  expect(s.world.runs.size).toBe(0);
});
