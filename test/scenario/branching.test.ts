import { expect, test } from "vitest";
import type { TaskSpec } from "../../engine/core/dag.ts";
import type { Leads } from "../../engine/core/operator.ts";
import { Scenario, dagSpec, scenario, tasksOf } from "./scenario.ts";

const JOIN = { join: { triggerRule: "none_failed_min_one_success" } } satisfies Record<string, Partial<TaskSpec>>;
const FORK = "choose -> full -> join; choose -> append -> join";

const leads = (s: Scenario, task: string, where: Leads): Scenario =>
  s.submit(task, { kind: "done", output: {}, leads: where });

const chooses = (s: Scenario, ...chosen: string[]): Scenario => leads(s, "choose", { chosen });

scenario("a branch runs what it chose, and a join of the ways runs once", FORK, JOIN, (s) => {
  chooses(s, "full").expect({ choose: "success", full: "queued", append: "skipped", join: "none" });
  s.succeeds("full").expect({ join: "queued" }).succeeds("join").expect({ run: "success" });
});

scenario("with all_success a join after a branch is skipped with the way that was not chosen", FORK, {}, (s) =>
  chooses(s, "full").expect({ append: "skipped", join: "skipped" }),
);

scenario("a branch that chooses nothing skips every direct downstream", FORK, JOIN, (s) =>
  chooses(s).expect({ full: "skipped", append: "skipped", join: "skipped", run: "success" }),
);

scenario("a direct downstream that a chosen one leads to is not skipped", "choose -> a -> b; choose -> b", JOIN, (s) =>
  chooses(s, "a").expect({ a: "queued", b: "none" }).succeeds("a").expect({ b: "queued" }),
);

scenario("an id that is no direct downstream fails the branch, and names the choices", FORK, JOIN, (s) => {
  chooses(s, "ful").expect({ choose: "failed", full: "upstream_failed", append: "upstream_failed", run: "failed" });
  expect(s.attempt("choose").failure).toEqual({
    class: "permanent",
    code: "BRANCH_INVALID",
    message: "ful is no direct downstream of this task (full, append); did you mean full?",
  });
});

scenario("a task further down is no choice", FORK, JOIN, (s) => {
  chooses(s, "join").expect({ choose: "failed" });
  expect(s.attempt("choose").failure?.code).toBe("BRANCH_INVALID");
});

const GROUPS = {
  "load.a": { groupId: "load" },
  "load.b": { groupId: "load" },
  "load.in.c": { groupId: "load.in" },
};
scenario(
  "a group is chosen by its name, with the groups within it",
  "choose -> load.a; choose -> load.b; choose -> load.in.c; choose -> other",
  GROUPS,
  (s) =>
    chooses(s, "load").expect({
      "load.a": "queued",
      "load.b": "queued",
      "load.in.c": "queued",
      other: "skipped",
    }),
);

scenario(
  "a mapped task is no branch",
  "choose -> full; choose -> append",
  { choose: { forEach: { items: [1], maxParallel: null, label: null } } },
  (s) => {
    s.submit("choose[0]", { kind: "done", output: {}, leads: { chosen: ["full"] } });
    s.expect({ "choose[0]": "failed", choose: "failed" });
    expect(s.attempt("choose[0]").failure?.code).toBe("BRANCH_INVALID");
  },
);

const DONE = { join: { triggerRule: "all_done" } } satisfies Record<string, Partial<TaskSpec>>;

scenario("a short circuit skips all that follows, whatever its trigger rules", "check -> work -> join", DONE, (s) =>
  leads(s, "check", { stop: "all" }).expect({ check: "success", work: "skipped", join: "skipped", run: "success" }),
);

scenario("a short circuit that respects trigger rules lets them decide", "check -> work -> join", DONE, (s) =>
  leads(s, "check", { stop: "direct" }).expect({ work: "skipped", join: "queued" }),
);

const waitsFor = (approvers: string[]) => ({ message: "Publish?", approvers, until: null });

test("a task that asks tells its approvers and those who want such news, once each, when it begins to wait", () => {
  const spec = dagSpec(tasksOf("ask -> publish", { ask: { operator: "sensor" } }));
  const notify = [{ email: ["ops@example.com", "ana@example.com"], on: ["approval_needed"] as const }];
  const s = new Scenario({ ...spec, notify });
  s.submit("ask", { kind: "started", ref: {}, asks: waitsFor(["ana@example.com", "bob@example.com"]) });
  s.expect({ ask: "running", publish: "none" });
  const [batch] = s.batches.slice(-1);
  expect(batch?.tasksChanged.map(({ to }) => to.state)).toEqual(["running"]);
  expect(batch?.mails.map(({ receiver, kind }) => [receiver, kind])).toEqual([
    ["ops@example.com", "approval_needed"],
    ["ana@example.com", "approval_needed"],
    ["bob@example.com", "approval_needed"],
  ]);
  expect(batch?.mails[0]?.facts.approval).toMatchObject({ taskId: "ask", tryNumber: 1, message: "Publish?" });
});
