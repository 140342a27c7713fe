import { expect } from "vitest";
import { scenario } from "./scenario.ts";

scenario("a chain runs task by task", "extract -> load -> publish", {}, (s) =>
  s
    .expect({ extract: "queued", load: "none", run: "running" })
    .succeeds("extract")
    .expect({ extract: "success", load: "queued", publish: "none" })
    .succeeds("load")
    .succeeds("publish")
    .expect({ publish: "success", run: "success" }),
);

scenario("a failed upstream stops its downstreams at once", "extract -> load -> publish", {}, (s) =>
  s
    .fails("extract", "permanent", "AccessDenied")
    .expect({ extract: "failed", load: "upstream_failed", publish: "upstream_failed", run: "failed" }),
);

scenario(
  "all_done runs after a failure and can save the run",
  "a -> c; b -> c",
  { c: { triggerRule: "all_done" } },
  (s) =>
    s
      .fails("a")
      .expect({ c: "none", run: "running" })
      .succeeds("b")
      .expect({ c: "queued" })
      .succeeds("c")
      .expect({ run: "success" }),
);

const cluster = {
  make: { isSetup: true },
  end: { teardownOf: ["make"] },
};

scenario("a teardown runs although the work failed, and does not hide it", "make -> work -> end", cluster, (s) =>
  s
    .succeeds("make")
    .fails("work")
    .expect({ work: "failed", end: "queued", run: "running" })
    .succeeds("end")
    .expect({ end: "success", run: "failed" }),
);

scenario("a teardown whose setup never ran does not run", "first -> make -> work -> end", cluster, (s) =>
  s.fails("first").expect({ make: "upstream_failed", work: "upstream_failed", end: "upstream_failed", run: "failed" }),
);

scenario("a failed teardown fails the run only with fails_run", "make -> work -> end", cluster, (s) =>
  s.succeeds("make").succeeds("work").fails("end").expect({ end: "failed", run: "success" }),
);

scenario(
  "a failed teardown with fails_run fails the run",
  "make -> work -> end",
  { ...cluster, end: { teardownOf: ["make"], failsRun: true } },
  (s) => s.succeeds("make").succeeds("work").fails("end").expect({ run: "failed" }),
);

scenario(
  "when what a task ran on is gone, its setup is made again with it",
  "make -> work -> end",
  { ...cluster, work: { retries: 1 } },
  (s) => {
    s.succeeds("make").fails("work", "resource_gone");
    s.expect({ make: "queued", work: "none", end: "none" });
    s.succeeds("make").expect({ work: "queued" }).succeeds("work").succeeds("end").expect({ run: "success" });
  },
);

scenario(
  "a retry waits for its delay and is a fresh launch under a new key",
  "a",
  { a: { retries: 1, retryDelayMs: 60_000 } },
  (s) => {
    const first = s.starts("a").attempt("a").launchKey;
    s.fails("a", "retryable").expect({ a: "up_for_retry" });
    s.later(59_999).expect({ a: "up_for_retry" });
    s.later(1).expect({ a: "queued" });
    expect(s.attempt("a").tryNumber).toBe(2);
    expect(s.attempt("a").launchKey).not.toBe(first);
    s.fails("a", "retryable").expect({ a: "failed", run: "failed" });
  },
);

scenario(
  "a permanent failure and a denied one are not tried again",
  "a; b",
  { a: { retries: 3 }, b: { retries: 3 } },
  (s) => s.fails("a", "permanent").fails("b", "denied").expect({ a: "failed", b: "failed" }),
);

scenario(
  "a pool admits as many tasks as it has slots, the more urgent first",
  "a; b; c",
  { a: { pool: "warehouse" }, b: { pool: "warehouse", priority: 5 }, c: {} },
  (s) => {
    s.expect({ a: "scheduled", b: "queued", c: "queued" });
    s.succeeds("b").expect({ a: "queued" });
  },
  { warehouse: { slots: 1 } },
);

scenario(
  "rule 22: a sensor holds no slot while it waits",
  "wait; load",
  { wait: { operator: "sensor", pool: "warehouse" }, load: { pool: "warehouse" } },
  (s) => s.starts("wait").expect({ wait: "running", load: "queued" }),
  { warehouse: { slots: 1 } },
);

scenario(
  "cancelling a run stops what runs, skips the rest, and tears down",
  "make -> work -> end; work -> after",
  cluster,
  (s) => {
    s.succeeds("make").starts("work").cancelRun();
    s.expect({ work: "running", after: "skipped", end: "none", run: "running" });
    expect(s.owes("work")).toContain("cancel +0");
    s.fails("work", "retryable", "STOPPED").expect({ work: "failed", end: "queued" });
    s.succeeds("end").expect({ run: "failed" });
  },
);

scenario("cancelling a run ends a waiting sensor at once", "wait -> load", { wait: { operator: "sensor" } }, (s) =>
  s.starts("wait").cancelRun().expect({ wait: "failed", load: "skipped", run: "failed" }),
);

scenario("an output over 64 KiB fails its task by name: what follows would never see it", "a -> b", {}, (s) => {
  s.succeeds("a", "x".repeat(64 * 1024)).expect({ a: "failed", b: "upstream_failed" });
  expect(s.attempt("a").failure).toMatchObject({ code: "OUTPUT_TOO_LARGE", class: "permanent" });
});

scenario("an output of just 64 KiB is handed on", "a -> b", {}, (s) =>
  s.succeeds("a", "x".repeat(64 * 1024 - 2)).expect({ a: "success", b: "queued" }),
);

scenario(
  "when: a task whose condition is false is skipped, and its trigger rules decide about what follows",
  "a -> b -> c; b -> d",
  { b: { when: "false" }, d: { triggerRule: "none_failed" } },
  (s) => s.succeeds("a").expect({ b: "skipped", c: "skipped", d: "queued" }),
);

scenario(
  "branch: what was not chosen is skipped, but for what a chosen one leads to",
  "choose -> left -> join; choose -> right -> join; choose -> join",
  { join: { triggerRule: "none_failed_min_one_success" } },
  (s) =>
    s
      .submit("choose", { kind: "done", output: null, leads: { chosen: ["left"] } })
      .expect({ left: "queued", right: "skipped", join: "none" })
      .succeeds("left")
      .expect({ join: "queued" }),
);

scenario("branch: nothing chosen skips every direct downstream", "choose -> left; choose -> right", {}, (s) =>
  s
    .submit("choose", { kind: "done", output: null, leads: { chosen: [] } })
    .expect({ left: "skipped", right: "skipped", run: "success" }),
);

scenario(
  "short circuit: all that follows is skipped whatever its trigger rule, but for teardowns",
  "make -> gate -> a -> b; make -> drop",
  { make: { isSetup: true }, b: { triggerRule: "all_done" }, drop: { teardownOf: ["make"], dependsOn: ["b"] } },
  (s) =>
    s
      .succeeds("make")
      .submit("gate", { kind: "done", output: false, leads: { stop: "all" } })
      .expect({ a: "skipped", b: "skipped", drop: "queued" }),
);

scenario(
  "short circuit that heeds trigger rules skips its direct downstreams alone",
  "gate -> a -> b",
  { b: { triggerRule: "all_done" } },
  (s) =>
    s.submit("gate", { kind: "done", output: false, leads: { stop: "direct" } }).expect({ a: "skipped", b: "queued" }),
);

const chain = Array.from({ length: 5_000 }, (_, index) => `t${index}`);

scenario("a failure at the head of five thousand tasks in a row reaches the last one", chain.join(" -> "), {}, (s) =>
  s.fails("t0").expect({ t1: "upstream_failed", t4999: "upstream_failed", run: "failed" }),
);
