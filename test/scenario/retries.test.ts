import { expect } from "vitest";
import { MINUTE, scenario } from "./scenario.ts";

scenario(
  "retry_on names the classes that another try may help, and no other is tried again",
  "a",
  { a: { retries: 2, retryOn: ["permanent"] } },
  (s) =>
    s
      .fails("a", "permanent")
      .expect({ a: "up_for_retry" })
      .later(1_000)
      .fails("a", "retryable")
      .expect({ a: "failed" }),
);

scenario("retry_on names an error's code as well", "a", { a: { retries: 1, retryOn: ["JOB_FAILED"] } }, (s) =>
  s.fails("a", "denied").expect({ a: "up_for_retry" }),
);

scenario("lost is tried again only where retry_on names it", "a", { a: { retries: 1, retryOn: ["lost"] } }, (s) =>
  s.fails("a", "lost").expect({ a: "up_for_retry" }),
);

scenario("capacity is never an attempt: a refused launch goes out again under its key", "a", {}, (s) => {
  const { launchKey } = s.attempt("a");
  s.submit("a", { kind: "refused", failure: { class: "capacity", code: "AWS_REFUSED", message: "no room" } });
  expect(s.attempt("a")).toMatchObject({ launchKey, tryNumber: 1, pushbacks: 1, state: "open" });
});

scenario(
  "capacity is never an attempt: a job that ended for want of it is made again, whatever retries says",
  "a",
  {},
  (s) =>
    s
      .fails("a", "capacity")
      .expect({ a: "up_for_retry" })
      .later(1_000)
      .expect({ a: "queued" })
      .fails("a")
      .expect({ a: "failed" }),
);

scenario(
  "run_timeout ends the run: what runs is cancelled, what has not begun is skipped, teardowns still run",
  "make -> load -> publish; make -> drop",
  { make: { isSetup: true }, drop: { teardownOf: ["make"], dependsOn: ["load"] } },
  (s) => {
    s.succeeds("make")
      .starts("load")
      .later(59 * MINUTE)
      .expect({ load: "running" });
    s.later(MINUTE).expect({ publish: "skipped", load: "running" });
    expect(s.owes("load")).toContain("cancel +0");
    s.fails("load", "retryable").expect({ load: "failed", drop: "queued", run: "running" });
    s.succeeds("drop").expect({ run: "failed" });
    expect(s.row.ending).toMatchObject({ cause: "run_timeout", why: "took longer than its run_timeout of 1h" });
  },
  {},
  { runTimeoutMs: 60 * MINUTE },
);

scenario(
  "rule 23: a job that succeeded while its run timed out stays a success",
  "a",
  {},
  (s) => s.starts("a").later(MINUTE).succeeds("a").expect({ a: "success", run: "failed" }),
  {},
  { runTimeoutMs: MINUTE },
);

scenario(
  "run_timeout counts from the run's start, also for who takes over",
  "a",
  {},
  (s) =>
    s
      .starts("a")
      .later(MINUTE - 1)
      .takeover()
      .later(1)
      .expect({ a: "running" })
      .fails("a")
      .expect({ run: "failed" }),
  {},
  { runTimeoutMs: MINUTE },
);
