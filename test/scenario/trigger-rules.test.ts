import { scenario } from "./scenario.ts";

scenario(
  "always waits for nothing: the task begins with its run",
  "a -> b -> c",
  { b: { triggerRule: "always" } },
  (s) =>
    s
      .expect({ a: "queued", b: "queued", c: "none" })
      .fails("a")
      .expect({ b: "queued" })
      .succeeds("b")
      .expect({ c: "queued", run: "running" }),
);

const mapped = { each: { forEach: { items: ["x", "y", "z"], maxParallel: null, label: null } } };

scenario(
  "of a mapped upstream every instance counts: one_failed runs at the first that fails, all_success stops there",
  "each -> alarm; each -> report",
  { ...mapped, alarm: { triggerRule: "one_failed" } },
  (s) => s.fails("each[1]").expect({ each: "running", alarm: "queued", report: "upstream_failed" }),
);

scenario(
  "all_done waits for the last instance of a mapped upstream",
  "each -> after",
  { ...mapped, after: { triggerRule: "all_done" } },
  (s) =>
    s
      .fails("each[0]")
      .succeeds("each[1]")
      .expect({ after: "none" })
      .succeeds("each[2]")
      .expect({ each: "failed", after: "queued" }),
);

scenario("a try that failed and comes again is no end: what follows waits", "a -> b", { a: { retries: 1 } }, (s) =>
  s.fails("a", "retryable").expect({ a: "up_for_retry", b: "none" }),
);
