import { describe, expect, test } from "vitest";
import type { Json } from "../../engine/core/json.ts";
import { selectTasks } from "../../engine/core/machine/people/select.ts";
import { whatToClear } from "../../engine/core/machine/people/what-to-clear.ts";
import type { TaskWish } from "../../engine/core/commands.ts";
import { Scenario, dagSpec, scenario, tasksOf, wishOf } from "./scenario.ts";

const clearing = { cause: "clear", by: "ana" };
const over = (items: readonly Json[]) => ({ forEach: { items, maxParallel: null, label: null } });
const cluster = {
  make: { isSetup: true },
  drop: { teardownOf: ["make"], operator: "token" },
};

describe("clear", () => {
  scenario("a task that has failed begins anew, and its run waits for its turn and goes on", "a -> b", {}, (s) => {
    s.fails("a").expect({ a: "failed", b: "upstream_failed", run: "failed" });
    s.clearsTasks("a", "b").expect({ a: "queued", b: "none", run: "running" });
    s.succeeds("a").succeeds("b").expect({ a: "success", b: "success", run: "success" });
  });

  scenario("what was not cleared stays as it ended", "a -> b; c", {}, (s) => {
    s.succeeds("c").succeeds("a").fails("b").expect({ run: "failed" });
    s.clearsTasks("b").expect({ a: "success", b: "queued", c: "success", run: "running" });
    expect(s.attempt("b").tryNumber).toBe(2);
    expect(s.flushed("attemptsCreated")).toHaveLength(4);
  });

  scenario(
    "tries are never used again: the next one has a launch key of its own, and all retries",
    "a",
    { a: { retries: 2 } },
    (s) => {
      const first = s.attempt("a").launchKey;
      s.fails("a").clearsTasks("a");
      expect(s.attempt("a").tryNumber).toBe(2);
      expect(s.attempt("a").launchKey).not.toBe(first);
      s.fails("a", "retryable").later(1_000).fails("a", "retryable").later(1_000).expect({ a: "queued" });
      s.fails("a", "retryable").expect({ a: "failed" });
      expect(s.attempt("a").tryNumber).toBe(4);
    },
  );

  scenario(
    "rule 23: a running job is ended first, and the task starts fresh after it, whatever its result",
    "a -> b",
    {},
    (s) => {
      s.starts("a").clearsTasks("a").expect({ a: "running" });
      expect(s.attempt("a").ending).toMatchObject(clearing);
      expect(s.owes("a")).toContain("cancel +0");
      s.succeeds("a").expect({ a: "queued", b: "none" });
      expect(s.attempt("a")).toMatchObject({ tryNumber: 2, ref: null, ending: null });
    },
  );

  scenario("rule 23: an intent that was not sent is withdrawn before the task starts fresh", "a", {}, (s) => {
    s.clearsTasks("a");
    expect(s.owes("a")).toEqual(["withdraw +0"]);
    s.event("a", { kind: "not_sent", tryNumber: 1 }).expect({ a: "queued" });
    expect(s.attempt("a").tryNumber).toBe(2);
  });

  scenario("rule 23: in doubt the job is found first, then cancelled, then the task starts fresh", "a", {}, (s) => {
    s.submit("a", { kind: "doubt", message: "reset" }).clearsTasks("a").later(90_000);
    s.event("a", { kind: "searched", tryNumber: 1, refs: ["jr_1"] });
    expect(s.owes("a")).toContain("cancel +0");
    s.fails("a").expect({ a: "queued" });
    expect(s.attempt("a").tryNumber).toBe(2);
  });

  scenario(
    "rule 23: a job that is lost while it is being cleared does not keep the task from starting fresh",
    "a",
    {},
    (s) => {
      s.starts("a").clearsTasks("a");
      for (let look = 0; look < 2; look++) s.observe("a", { kind: "unseen" }).later(60_000);
      s.observe("a", { kind: "unseen" }).expect({ a: "queued" });
    },
  );

  scenario("cleared twice at once, a job is ended once and followed by one fresh start", "a", {}, (s) => {
    s.starts("a").clearsTasks("a").clearsTasks("a").fails("a").expect({ a: "queued" });
    expect(s.attempt("a").tryNumber).toBe(2);
  });

  scenario("a clear is not forgotten when the process dies", "a", {}, (s) => {
    s.starts("a").clearsTasks("a").takeover();
    expect(s.owes("a")).toContain("cancel +0");
    s.fails("a").expect({ a: "queued" });
  });

  scenario("a run that was opened again goes on after a takeover from where its tasks stand", "a -> b", {}, (s) => {
    s.succeeds("a").fails("b").clearsTasks("b").takeover();
    s.expect({ a: "success", b: "queued", run: "running" });
  });

  scenario("a sensor is cleared at once: it has no job to wait for", "w", { w: { operator: "sensor" } }, (s) => {
    s.starts("w").clearsTasks("w").expect({ w: "queued" });
    expect(s.attempt("w").tryNumber).toBe(2);
  });

  scenario("a clear takes back the end of a run that is being cancelled", "a; b", {}, (s) => {
    s.starts("a").starts("b").cancelRun().clearsTasks("a");
    s.fails("a").fails("b").expect({ a: "queued", b: "failed", run: "running" });
    expect(s.row.ending).toBeNull();
  });

  scenario("a task that waits for a cleared one waits until it has ended anew", "a -> b", {}, (s) => {
    s.succeeds("a").starts("b").clearsTasks("a", "b").fails("b");
    s.expect({ a: "queued", b: "none" }).succeeds("a").expect({ b: "queued" });
  });

  scenario("what a task cost before is history of its run: a fresh start has the whole budget", "a", {}, (s) => {
    s.ends("a", "failed", "5").clearsTasks("a");
    expect(s.view().spent.total.toString()).toBe("0");
  });

  scenario("a run that is cancelled before its turn has come again leaves nothing open", "a -> b", {}, (s) => {
    s.succeeds("a").fails("b");
    s.view();
    s.world.decideRun(s.row.runId, { kind: "clear", places: s.places("b"), by: "ana" }, s.context());
    s.cancelRun().expect({ b: "skipped", run: "failed" });
  });
});

describe("clear of mapped tasks", () => {
  scenario(
    "as a whole: its instances are made again from what it is mapped over then",
    "load",
    { load: over([1, 2]) },
    (s) => {
      s.succeeds("load[0]").fails("load[1]").mapsOver("load", [7]).clearsTasks("load");
      s.expect({ load: "running", "load[0]": "queued", "load[1]": "removed" });
      s.succeeds("load[0]").expect({ load: "success", run: "success" });
    },
  );

  scenario("as a whole while instances run: they are ended first", "load", { load: over([1, 2]) }, (s) => {
    s.succeeds("load[0]").starts("load[1]").clearsTasks("load");
    s.expect({ load: "none", "load[0]": "removed", "load[1]": "running" });
    s.takeover().fails("load[1]").expect({ load: "running", "load[0]": "queued", "load[1]": "queued" });
  });

  scenario(
    "as a whole, and then marked: an instance of the old list is gone all the same",
    "load",
    { load: over([1, 2]) },
    (s) => {
      s.starts("load[0]").succeeds("load[1]").clearsTasks("load").marks("skipped", "load[0]").fails("load[0]");
      s.expect({ load: "running", "load[0]": "queued", "load[1]": "queued" });
    },
  );

  scenario("one instance alone: the others stay as they ended", "load -> sum", { load: over([1, 2]) }, (s) => {
    s.succeeds("load[0]").fails("load[1]").expect({ load: "failed", run: "failed" });
    s.clearsTasks("load[1]", "sum").expect({ load: "running", "load[0]": "success", "load[1]": "queued", sum: "none" });
    s.succeeds("load[1]").expect({ load: "success", sum: "queued" });
  });
});

describe("clear of setups and teardowns", () => {
  scenario(
    "rule 25: with work its setup and teardown are cleared, once it was torn down",
    "make -> work -> drop",
    cluster,
    (s) => {
      s.succeeds("make").fails("work").succeeds("drop").expect({ run: "failed" });
      s.clearsTasks("work").expect({ make: "queued", work: "none", drop: "none" });
    },
  );

  scenario(
    "rule 25: a setup whose teardown has not begun still stands and is left",
    "make -> work -> drop",
    cluster,
    (s) => {
      s.succeeds("make").starts("work").clearsTasks("work").fails("work");
      s.expect({ make: "success", work: "queued", drop: "none" });
    },
  );

  scenario("rule 25: while a teardown is at work nothing of it begins anew", "make -> work -> drop", cluster, (s) => {
    s.succeeds("make").fails("work").starts("drop");
    expect(whatToClear(s.view(), { tasks: [wishOf("work")] })).toMatchObject({
      code: "ACTION_REFUSED",
      message: "drop is tearing down what make made: clear again when it has ended",
    });
  });
});

describe("mark", () => {
  scenario("a failed task that is marked success lets what it stopped begin anew", "a -> b -> c", {}, (s) => {
    s.fails("a").expect({ run: "failed" }).marks("success", "a");
    s.expect({ a: "success", b: "queued", c: "none", run: "running" });
  });

  scenario("rule 23: a running job is ended, the state is the person's and the bill is AWS's", "a -> b", {}, (s) => {
    s.starts("a").marks("success", "a").expect({ a: "running" });
    expect(s.owes("a")).toContain("cancel +0");
    s.ends("a", "failed", "3").expect({ a: "success", b: "queued" });
    expect(s.booked()).toMatchObject([{ amount: "3" }]);
  });

  scenario("rule 23: marked skipped or failed, it is so although the job succeeded meanwhile", "a; b", {}, (s) => {
    s.starts("a").starts("b").marks("skipped", "a").marks("failed", "b");
    s.succeeds("a").succeeds("b").expect({ a: "skipped", b: "failed" });
  });

  scenario("rule 23: a marked intent is withdrawn, or its job found first", "a", {}, (s) => {
    s.marks("success", "a");
    expect(s.owes("a")).toEqual(["withdraw +0"]);
    s.event("a", { kind: "not_sent", tryNumber: 1 }).expect({ a: "success", run: "success" });
  });

  scenario("downstreams follow a mark as they follow a real end", "a -> b", {}, (s) => {
    s.starts("a").marks("failed", "a").fails("a").expect({ b: "upstream_failed", run: "failed" });
  });

  scenario("the last failed leaf of a run that has ended makes it a success, and nothing runs", "a", {}, (s) => {
    s.fails("a").marks("success", "a").expect({ a: "success", run: "success" });
    expect(s.flushed("attemptsCreated")).toHaveLength(1);
  });

  scenario("a clear after a mark holds: the last word counts", "a", {}, (s) => {
    s.starts("a").marks("failed", "a").clearsTasks("a").fails("a").expect({ a: "queued" });
  });

  scenario("one instance that is marked decides its mapped task anew", "load", { load: over([1, 2]) }, (s) => {
    s.succeeds("load[0]").fails("load[1]").marks("success", "load[1]").expect({ load: "success" });
  });
});

describe("mark of a run", () => {
  scenario(
    "failed: what runs is ended, what waits is skipped, teardowns still run",
    "make -> work -> drop",
    cluster,
    (s) => {
      s.succeeds("make").starts("work").person({ kind: "mark_run", state: "failed", by: "ana" });
      s.expect({ work: "running", run: "running" }).fails("work").expect({ work: "failed", drop: "queued" });
      s.succeeds("drop").expect({ run: "failed" });
    },
  );

  scenario(
    "success: every task is marked so, and a setup that stands is torn down",
    "make -> work -> drop",
    cluster,
    (s) => {
      s.succeeds("make").starts("work").person({ kind: "mark_run", state: "success", by: "ana" });
      s.expect({ work: "running", run: "running" }).fails("work").expect({ work: "success", drop: "queued" });
      s.succeeds("drop").expect({ run: "success" });
    },
  );

  scenario("success of a run that has ended: nothing runs again", "a -> b", {}, (s) => {
    s.fails("a").person({ kind: "mark_run", state: "success", by: "ana" });
    s.expect({ a: "success", b: "success", run: "success" });
    expect(s.flushed("attemptsCreated")).toHaveLength(1);
  });
});

scenario(
  "retry now: the next try does not wait for its time",
  "a",
  { a: { retries: 1, retryDelayMs: 3_600_000 } },
  (s) => {
    s.fails("a", "retryable").expect({ a: "up_for_retry" });
    s.person({ kind: "retry_now", places: s.places("a"), by: "ana" }).expect({ a: "queued" });
  },
);

describe("rule 23: an orphan", () => {
  const abandon = (s: Scenario, task: string) => s.person({ kind: "abandon", places: s.places(task), by: "ana" });

  scenario("lets the state go on, and is asked to end, observed and billed until it is final", "a", {}, (s) => {
    s.starts("a").clearsTasks("a");
    abandon(s, "a").expect({ a: "queued" });
    expect(s.owes("a")).toEqual(["submit +0"]);
    const [orphan] = [...s.view().settling.values()];
    expect(orphan).toMatchObject({ state: "orphan", tryNumber: 1, ref: "job-a" });
    const usage = [{ kind: "usd", quantity: "4", unit: "dollar" }];
    const failure = { class: "retryable", code: "JOB_FAILED", message: "STOPPED" } as const;
    s.event("a", { kind: "observed", tryNumber: 1, observation: { kind: "failed", failure, usage } });
    expect(s.view().settling.size).toBe(0);
    expect(s.booked()).toMatchObject([{ tryNumber: 1, amount: "4" }]);
    s.expect({ a: "queued" });
  });

  scenario("of a run that has ended keeps it in memory, and a takeover goes on with it", "a", {}, (s) => {
    s.starts("a").cancelRun();
    abandon(s, "a").expect({ a: "failed", run: "failed" }).takeover();
    expect(s.owes("a")).toEqual(["observe +0", "cancel +0"]);
    s.event("a", { kind: "observed", tryNumber: 1, observation: { kind: "succeeded", output: {} } });
    expect(s.world.runs.size).toBe(0);
    s.expect({ a: "failed", run: "failed" });
  });

  scenario("whose job nobody knows any more is lost after the usual looks", "a", {}, (s) => {
    s.starts("a").cancelRun();
    abandon(s, "a");
    for (let look = 0; look < 3; look++) {
      s.event("a", { kind: "observed", tryNumber: 1, observation: { kind: "unseen" } }).later(60_000);
    }
    s.event("a", { kind: "observed", tryNumber: 1, observation: { kind: "unseen" } });
    expect(s.world.runs.size).toBe(0);
  });

  scenario("is nothing that was not asked to end", "a", {}, (s) => {
    abandon(s.starts("a"), "a").expect({ a: "running" });
    expect(s.attempt("a").state).toBe("open");
  });
});

describe("rule 24: adoption", () => {
  const adopt = (s: Scenario, ref: Json) => s.person({ kind: "adopt", place: s.places("a")[0] ?? -1, ref, by: "ana" });

  scenario("the cleared task follows a foreign job, which is observed and never submitted", "a -> b", {}, (s) => {
    adopt(s.fails("a"), "jr_7").expect({ a: "running", run: "running" });
    expect(s.attempt("a")).toMatchObject({ tryNumber: 2, ref: "jr_7" });
    expect(s.owes("a")).toEqual(["observe +0"]);
    s.clearsTasks("b").observe("a", { kind: "succeeded", output: {} }).expect({ a: "success", b: "queued" });
  });

  scenario("a job that the service does not know is lost", "a", {}, (s) => {
    adopt(s.fails("a"), "nothing");
    for (let look = 0; look < 2; look++) s.observe("a", { kind: "unseen" }).later(60_000);
    s.observe("a", { kind: "unseen" }).expect({ a: "failed" });
    expect(s.attempt("a").failure?.code).toBe("LOST");
  });
});

describe("which tasks are meant", () => {
  const story = new Scenario(dagSpec(tasksOf("a -> b -> c; load", { load: over([1, 2]) })));
  story.succeeds("a").fails("b");
  const names = (wish: Partial<TaskWish>): readonly string[] | object => {
    const found = selectTasks(story.view(), { tasks: null, ...wish });
    if ("code" in found) return found;
    return found.map((place) => {
      const { taskAt, task } = story.view().nodes[place]!;
      return `${story.view().dag.tasks[taskAt]?.taskId}${task.mapIndex < 0 ? "" : `[${task.mapIndex}]`}`;
    });
  };
  const cases: [string, Partial<TaskWish>, unknown][] = [
    ["by id", { tasks: [wishOf("b")] }, ["b"]],
    ["by glob", { tasks: [wishOf("?")] }, ["a", "b", "c"]],
    ["with upstreams", { tasks: [wishOf("c")], withUpstream: true }, ["a", "b", "c"]],
    ["with downstreams", { tasks: [wishOf("a")], withDownstream: true }, ["a", "b", "c"]],
    ["only what has failed", { onlyFailed: true }, ["b", "c"]],
    ["only what is under way, of a mapped task its instances", { onlyRunning: true }, ["load[0]", "load[1]"]],
    ["an instance by its index", { tasks: [wishOf("load[1]")] }, ["load[1]"]],
    ["a task that is not there, with the nearest", { tasks: [wishOf("lod")] }, { code: "TASK_NOT_FOUND" }],
    [
      "an instance that is not there",
      { tasks: [wishOf("load[9]")] },
      { message: "load has no instance 9: there are 0 to 1" },
    ],
    ["an index of a task that is not mapped", { tasks: [wishOf("a[0]")] }, { code: "ACTION_INVALID" }],
  ];
  test.each(cases)("%s", (_, wish, expected) => {
    if (Array.isArray(expected)) expect(names(wish)).toEqual(expected);
    else expect(names(wish)).toMatchObject(expected as object);
  });
});
