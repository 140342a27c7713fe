import { describe, expect, it } from "vitest";
import type { SubRunWish } from "../../engine/core/sub-runs.ts";
import { approval } from "../../operators/approval/operator.ts";
import { branch } from "../../operators/branch/operator.ts";
import { dagTrigger } from "../../operators/dag-trigger/operator.ts";
import { shortCircuit } from "../../operators/short-circuit/operator.ts";
import { waitUntil } from "../../operators/wait-until/operator.ts";
import { connectionTo, contextOf, never, observed } from "./contexts.ts";
import { testHost } from "./host.ts";

const connection = connectionTo("http://127.0.0.1:9");
const DUE = Date.UTC(2026, 0, 2, 7);

describe("branch", () => {
  it.each([
    ["full", ["full"]],
    [" a , b,a ", ["a", "b"]],
    ['["a", "b"]', ["a", "b"]],
    [["a", " "], ["a"]],
    ["", []],
    ["none", []],
    [null, []],
  ])("reads %j as the choice %j", async (choose, chosen) => {
    const result = await branch.submit({ choose }, contextOf(connection));
    expect(result).toEqual({ kind: "done", output: { chosen }, leads: { chosen } });
  });
});

describe("short_circuit", () => {
  const submit = (condition: string | boolean, ignores = true) =>
    shortCircuit.submit({ condition, ignore_downstream_trigger_rules: ignores }, contextOf(connection));

  it("goes on when its condition is true", async () => {
    expect(await submit("17")).toEqual({ kind: "done", output: { condition: true } });
  });

  it("skips all that follows when it is false, or with its rules respected the direct downstreams alone", async () => {
    expect(await submit("0")).toMatchObject({ output: { condition: false }, leads: { stop: "all" } });
    expect(await submit(false, false)).toMatchObject({ leads: { stop: "direct" } });
  });
});

describe("wait.until", () => {
  const until = async (params: object, times: object = {}, now = DUE) => {
    const context = contextOf(connection, { now: () => now, times: { dueAt: DUE, intervalEndAt: DUE, ...times } });
    return waitUntil.submit(waitUntil.params.parse(params), { ...context, intentAt: now });
  };

  it("a time of day is the first one at or after the run was due, in the DAG's zone", async () => {
    expect(await until({ at: "06:00" }, { timezone: "America/New_York" })).toEqual({
      kind: "started",
      ref: { until: "2026-01-02T11:00:00.000Z" },
    });
    expect(await until({ at: "06:00" })).toMatchObject({ ref: { until: "2026-01-03T06:00:00.000Z" } });
    expect(await until({ at: "07:00+1d" })).toMatchObject({ ref: { until: "2026-01-03T07:00:00.000Z" } });
  });

  it("a moment that has passed is not waited for", async () => {
    expect(await until({ at: "07:00" })).toEqual({ kind: "done", output: { until: "2026-01-02T07:00:00.000Z" } });
    expect(await until({ after: "30m" }, {}, DUE + 1_800_000)).toMatchObject({ kind: "done" });
  });

  it("counts from the data interval's end, or from the task's start", async () => {
    expect(await until({ after: "30m" })).toMatchObject({ ref: { until: "2026-01-02T07:30:00.000Z" } });
    expect(await until({ after: "30m", since: "task_start" }, {}, DUE + 60_000)).toMatchObject({
      ref: { until: "2026-01-02T07:31:00.000Z" },
    });
  });

  it("is looked at again at the moment itself, and ends there", async () => {
    const at = (now: number) => contextOf(connection, { now: () => now });
    const ref = { until: new Date(DUE + 90_000).toISOString() };
    expect(await waitUntil.observe([observed(ref, at(DUE))], never)).toMatchObject([
      { kind: "running", pollAfterMs: 90_000 },
    ]);
    expect(await waitUntil.observe([observed(ref, at(DUE + 90_000))], never)).toEqual([
      { kind: "succeeded", output: ref },
    ]);
  });

  it("takes at or after, not both and not neither", () => {
    for (const params of [{}, { at: "06:00", after: "1h" }, { at: "25:00" }, { after: "soon" }]) {
      expect(waitUntil.params.safeParse(params).success).toBe(false);
    }
  });
});

describe("approval", () => {
  const asked = async (params: object) => {
    const context = { ...contextOf(connection, { now: () => DUE }), intentAt: DUE };
    const result = await approval.submit(approval.params.parse({ message: "Go?", ...params }), context);
    if (result.kind !== "started") throw new Error(result.kind);
    const look = async (now: number) => {
      const [seen] = await approval.observe([observed(result.ref, { ...context, now: () => now })], never);
      return seen;
    };
    return { result, look };
  };

  it("asks its approvers", async () => {
    const { result } = await asked({ approvers: ["ana@example.com"], within: "1h" });
    expect(result.asks).toEqual({ message: "Go?", approvers: ["ana@example.com"], until: DUE + 3_600_000 });
  });

  it.each([
    ["fail", { kind: "failed", failure: { code: "WAIT_TIMEOUT" } }],
    ["approve", { kind: "succeeded", output: { decision: "approved", by: "timeout" } }],
    ["reject", { kind: "failed", failure: { code: "APPROVAL_REJECTED" } }],
  ])("when time is up, on_timeout: %s decides", async (on_timeout, end) => {
    const { look } = await asked({ within: "1h", on_timeout });
    expect(await look(DUE + 3_599_999)).toMatchObject({ kind: "running", pollAfterMs: 1 });
    expect(await look(DUE + 3_600_000)).toMatchObject(end);
  });
});

describe("dag.trigger", () => {
  const wishes: SubRunWish[] = [];
  const host = testHost();
  const watching = dagTrigger({
    subRuns: { ...host.subRuns, trigger: (wish) => (wishes.push(wish), host.subRuns.trigger(wish)) },
  });

  it("asks for one run for its launch key, below its own", async () => {
    const context = contextOf(connection, { now: () => DUE });
    const params = watching.params.parse({ dag: "other", logical_date: "2026-01-01T02:00" });
    const times = { ...context.times, timezone: "America/New_York" };
    expect(await watching.submit(params, { ...context, times })).toMatchObject({ kind: "started" });
    expect(wishes).toEqual([
      {
        dagId: "other",
        conf: {},
        logicalAt: Date.UTC(2026, 0, 1, 7),
        launchKey: context.launchKey,
        parent: { dagId: context.dagId, dagRunId: context.dagRunId },
        now: DUE,
      },
    ]);
  });

  it("says why the run does not begin, and what its failure means", async () => {
    const states = new Map([
      ["a", { state: "queued", isPaused: true }],
      ["b", { state: "failed", isPaused: false }],
    ] as const);
    const operator = dagTrigger({ subRuns: { ...host.subRuns, look: async () => states } });
    const jobs = ["a", "b", "c"].map((run_id) =>
      observed({ run_id, dag: "other", dag_run_id: `triggered__${run_id}` }, contextOf(connection)),
    );
    expect(await operator.observe(jobs, never)).toMatchObject([
      { kind: "running", detail: "the run of other is queued, for other is paused" },
      { kind: "failed", failure: { code: "SUB_RUN_FAILED" } },
      { kind: "unseen" },
    ]);
  });
});
