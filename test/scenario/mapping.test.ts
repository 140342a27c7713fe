import { expect } from "vitest";
import type { TaskSpec } from "../../engine/core/dag.ts";
import type { Json } from "../../engine/core/json.ts";
import { scenario } from "./scenario.ts";

const over = (items: readonly Json[], changes: Partial<TaskSpec> = {}): Partial<TaskSpec> => ({
  forEach: { items, maxParallel: null, label: null },
  ...changes,
});
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

scenario(
  "for_each: a mapped task has one instance for each item, and what follows waits for all of them",
  "list -> load -> sum",
  { load: over(["a", "b"]) },
  (s) =>
    s
      .succeeds("list")
      .expect({ load: "running", "load[0]": "queued", "load[1]": "queued", sum: "none" })
      .succeeds("load[1]")
      .expect({ load: "running", sum: "none" })
      .succeeds("load[0]")
      .expect({ load: "success", sum: "queued" })
      .succeeds("sum")
      .expect({ run: "success" }),
);

scenario("for_each over nothing is skipped, and so is what follows", "load -> sum", { load: over([]) }, (s) =>
  s.expect({ load: "skipped", sum: "skipped", run: "success" }),
);

scenario(
  "an instance that fails stops what follows at once, and its siblings go on",
  "load -> sum",
  { load: over([1, 2]) },
  (s) =>
    s
      .fails("load[0]")
      .expect({ "load[0]": "failed", "load[1]": "queued", load: "running", sum: "upstream_failed", run: "running" })
      .succeeds("load[1]")
      .expect({ load: "failed", run: "failed" }),
);

scenario(
  "one_failed counts instances, not mapped tasks",
  "load -> alarm",
  { load: over([1, 2]), alarm: { triggerRule: "one_failed" } },
  (s) => s.fails("load[1]").expect({ alarm: "queued", load: "running" }),
);

scenario(
  "an instance has its own tries and its own launch key",
  "load",
  { load: over([1, 2], { retries: 1 }) },
  (s) => {
    const keys = ["load[0]", "load[1]"].map((task) => s.attempt(task).launchKey);
    expect(new Set(keys).size).toBe(2);
    s.fails("load[0]", "retryable").expect({ "load[0]": "up_for_retry", "load[1]": "queued" });
    s.later(1_000).expect({ "load[0]": "queued" });
    expect(s.attempt("load[0]").tryNumber).toBe(2);
  },
);

scenario(
  "rule 6: the list is written first, its instances follow about two hundred at a time",
  "load",
  { load: over(numbers(450)) },
  (s) => {
    const [first, ...rest] = s.batches.filter((batch) => batch.expansions.length + batch.tasksCreated.length > 0);
    expect([first?.expansions.length, first?.tasksCreated.map(({ mapIndex }) => mapIndex)]).toEqual([1, [-1]]);
    expect(rest.map((batch) => batch.tasksCreated.length)).toEqual([200, 200, 50]);
  },
);

scenario(
  "rule 6: who takes over goes on making instances where the last writer stopped",
  "load -> sum",
  { load: over(numbers(450)) },
  (s) => {
    s.forgetsAfter((batch) => batch.tasksCreated.some(({ mapIndex }) => mapIndex === 199));
    expect(Object.keys(s.states()).filter((task) => task.startsWith("load["))).toHaveLength(450);
    for (const index of numbers(450)) s.succeeds(`load[${index}]`);
    s.expect({ load: "success", sum: "queued" });
  },
);

scenario(
  "a run that is cancelled makes no more instances, and its teardown runs",
  "make -> load -> drop",
  { make: { isSetup: true }, load: over([1, 2]), drop: { teardownOf: ["make"] } },
  (s) =>
    s
      .succeeds("make")
      .starts("load[0]")
      .starts("load[1]")
      .cancelRun()
      .fails("load[0]")
      .fails("load[1]")
      .expect({ load: "failed", drop: "queued" })
      .succeeds("drop")
      .expect({ run: "failed" }),
);

scenario(
  "a run that is made again is mapped anew; instances that are left over are removed",
  "load",
  { load: over([1, 2, 3]) },
  (s) => {
    for (const index of numbers(3)) s.succeeds(`load[${index}]`);
    s.expect({ run: "success" });
    s.mapsOver("load", [1]).clears();
    s.expect({ load: "running", "load[0]": "queued", "load[1]": "removed", "load[2]": "removed" });
    expect(s.attempt("load[0]").tryNumber).toBe(2);
    s.succeeds("load[0]").expect({ load: "success", run: "success" });
  },
);

scenario(
  "a list that was read for an earlier start of the task says nothing to the next one",
  "up -> load",
  { load: over([]) },
  (s) => {
    s.readsLists().succeeds("up").clearsTasks("load");
    s.event("load", { kind: "expanded", items: [1, 2, 3], labels: null, read: 1 }).expect({ load: "scheduled" });
    s.event("load", { kind: "expanded", items: [7], labels: null, read: 2 }).expect({ load: "running" });
    expect(Object.keys(s.states()).filter((task) => task.startsWith("load["))).toEqual(["load[0]"]);
  },
);
