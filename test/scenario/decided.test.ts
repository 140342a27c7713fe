import { expect, test } from "vitest";
import { debts, owed } from "../../engine/core/machine/owed.ts";
import { DEFAULT_SETTINGS } from "../../engine/core/settings.ts";
import { Scenario, dagSpec, scenario, tasksOf } from "./scenario.ts";

const join = { operator: "join" } as const;

scenario(
  "a task that asks nobody ends with its admission, and those after it go on",
  "a -> b -> c",
  { a: join, b: join },
  (s) => s.expect({ a: "success", b: "success", c: "queued" }).succeeds("c").expect({ run: "success" }),
);

test("its attempt is written once, ended, with one entry of the history; nothing is owed", () => {
  const s = new Scenario(dagSpec(tasksOf("a", { a: join })));
  expect(s.flushed("attemptsCreated")).toMatchObject([{ taskNo: 1, tryNumber: 1, state: "succeeded", endedAt: s.now }]);
  expect(s.flushed("attemptsChanged")).toEqual([]);
  expect(s.flushed("outputs")).toEqual([]);
  expect(s.flushed("history")).toMatchObject([{ from: "none", to: "success" }]);
  const [node] = s.view().nodes;
  const [attempt] = s.flushed("attemptsCreated");
  if (!node || !attempt) throw new Error("no attempt");
  const spec = s.view().dag.tasks[0];
  expect(spec && owed({ ...node, attempt }, spec, { kind: "in_process" }, DEFAULT_SETTINGS)).toEqual([]);
  expect(debts(attempt)).toEqual([]);
});

scenario(
  "a choice that asks nobody leaves the other way out",
  "choose -> left; choose -> right",
  { choose: { operator: "choose_left" } },
  (s) => s.expect({ choose: "success", left: "queued", right: "skipped" }),
);

scenario(
  "a choice of what is no downstream fails at once",
  "choose -> left",
  { choose: { operator: "choose_nobody" } },
  (s) => {
    s.expect({ choose: "failed", left: "upstream_failed", run: "failed" });
    expect(s.attempt("choose").failure).toMatchObject({ code: "BRANCH_INVALID" });
  },
);

test("as many as a flush takes end in it: a long chain does not keep the writer from others (rule 6)", () => {
  const length = DEFAULT_SETTINGS.maxNewRowsPerFlush + 50;
  const chain = Array.from({ length }, (_, index) => `t${index}`).join(" -> ");
  const all = Object.fromEntries(Array.from({ length }, (_, index) => [`t${index}`, join]));
  const s = new Scenario(dagSpec(tasksOf(chain, all)));
  expect(s.row.state).toBe("success");
  for (const { attemptsCreated } of s.batches) {
    expect(attemptsCreated.length).toBeLessThanOrEqual(DEFAULT_SETTINGS.maxNewRowsPerFlush);
  }
});
