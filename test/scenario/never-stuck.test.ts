import { expect } from "vitest";
import type { Json } from "../../engine/core/json.ts";
import { scenario } from "./scenario.ts";

const over = (items: readonly Json[]) => ({ forEach: { items, maxParallel: null, label: null } });

scenario(
  "a task whose cluster is gone, but whose setup never made one, is tried again at its time",
  "make -> work",
  { make: { isSetup: true, when: "false" }, work: { retries: 1, triggerRule: "all_done" } },
  (s) =>
    s
      .expect({ make: "skipped", work: "queued" })
      .fails("work", "resource_gone")
      .expect({ work: "up_for_retry" })
      .later(1_000)
      .succeeds("work")
      .expect({ make: "skipped", work: "success", run: "success" }),
);

scenario(
  "a mapped task that was cleared begins anew although a person marks the instance that it waited for",
  "load -> sum",
  { load: over([1]) },
  (s) =>
    s
      .starts("load[0]")
      .clearsTasks("load")
      .expect({ load: "none", "load[0]": "running" })
      .marks("success", "load[0]")
      .succeeds("load[0]")
      .expect({ load: "running", "load[0]": "queued", sum: "none" })
      .succeeds("load[0]")
      .succeeds("sum")
      .expect({ run: "success" }),
);

scenario(
  "an instance cleared twice, the second time after its run was cancelled, has its task mapped anew",
  "load",
  { load: over([1, 2]) },
  (s) =>
    s
      .starts("load[0]")
      .starts("load[1]")
      .clearsTasks("load")
      .cancelRun()
      .expect({ load: "skipped", "load[0]": "running" })
      .clearsTasks("load[0]")
      .fails("load[0]")
      .fails("load[1]")
      .expect({ load: "running", "load[0]": "queued", "load[1]": "queued" })
      .succeeds("load[0]")
      .succeeds("load[1]")
      .expect({ run: "success" }),
);

scenario("a later search for duplicates is still owed when the task has begun anew", "a", {}, (s) => {
  s.takeover().starts("a").clearsTasks("a").succeeds("a").expect({ a: "queued" });
  s.event("a", { kind: "searched", tryNumber: 1, refs: ["job-a"] });
  expect(s.flushed("attemptsChanged").at(-1)?.to).toMatchObject({
    tryNumber: 1,
    searchAt: expect.any(Number) as number,
  });
});

scenario("an output nested thousands of levels deep fails its task by name, and its run goes on", "a; b", {}, (s) => {
  const levels = 20_000;
  s.succeeds("a", JSON.parse("[".repeat(levels) + "]".repeat(levels)) as Json);
  s.expect({ a: "failed", b: "queued", run: "running" });
  expect(s.attempt("a").failure).toMatchObject({ code: "OUTPUT_TOO_LARGE" });
});
