import { describe, expect, it } from "vitest";
import { DAG_DEFAULTS, TASK_DEFAULTS, TRIGGER_RULES } from "../../../engine/core/dag.ts";
import { dag, only, problems } from "./reading.ts";

const spec = (tasks: string, head = "") => only(dag(tasks, head)).spec;
const task = (keys: string, head = "") => spec(`a: { operator: noop, ${keys} }`, head).tasks[0];
const daily = "schedule: { cron: '@daily' }\n";

describe("the keys of a DAG", () => {
  it("limit its runs and their tasks", () => {
    const head = "max_active_tasks: 3\nmax_consecutive_failed_runs: 5\nrun_timeout: 6h\n";
    expect(spec("a: { operator: noop }", head)).toMatchObject({
      maxActiveTasks: 3,
      maxConsecutiveFailedRuns: 5,
      runTimeoutMs: 21_600_000,
    });
    expect(spec("a: { operator: noop }")).toMatchObject(DAG_DEFAULTS);
  });

  it.each([
    ["concurrency_key: '{{ params.p }}'", { key: "{{ params.p }}", onConflict: "queue" }],
    ["concurrency_key: { key: '{{ ds }}' }", { key: "{{ ds }}", onConflict: "queue" }],
    ["concurrency_key: { key: one, on_conflict: skip }", { key: "one", onConflict: "skip" }],
  ])("keep runs of one key apart: %s", (key, expected) => {
    const head = `params: { p: { type: string } }\n${key}\n`;
    expect(spec("a: { operator: noop }", head).concurrencyKey).toEqual(expected);
  });

  it.each([
    ["orders", "orders"],
    ["orders & stores & shops", { all: ["orders", "stores", "shops"] }],
    ["orders | stores & shops", { any: ["orders", { all: ["stores", "shops"] }] }],
    ["(orders | stores) & shops", { all: [{ any: ["orders", "stores"] }, "shops"] }],
    ["[orders, stores]", { all: ["orders", "stores"] }],
    ["[orders]", "orders"],
    ["{ any: [orders, { all: [stores, 's3://b/k'] }] }", { any: ["orders", { all: ["stores", "s3://b/k"] }] }],
    ["[orders | stores, shops]", { all: [{ any: ["orders", "stores"] }, "shops"] }],
  ])("wait for assets: %s", (assets, expected) => {
    expect(spec("a: { operator: noop }", `on_assets: ${assets}\n`).onAssets).toEqual(expected);
  });

  it.each([
    [
      "orders &",
      '2:12+8 DAG_INVALID on_assets: expected an asset such as "orders & (stores | shops)", got nothing more',
    ],
    ["(orders", "2:12+7 DAG_INVALID on_assets: expected ) to close the parenthesis, got nothing more"],
    ["orders stores", '2:12+13 DAG_INVALID on_assets: expected & or | between two assets, got "stores"'],
    ["{ any: [] }", "2:14+3 DAG_INVALID any: expected at least one asset"],
  ])("name what is wrong with assets: %s", (assets, expected) => {
    expect(problems(dag("a: { operator: noop }", `on_assets: ${assets}\n`))).toEqual([expected]);
  });

  it("may declare parameters that are lists and maps", () => {
    const params = (value: string) => `params: { p: { type: array, default: ${value} } }\n`;
    expect(spec("a: { operator: noop }", params("[1]")).params["p"]).toEqual({ type: "array", default: [1] });
    expect(problems(dag("a: { operator: noop }", params("{ a: 1 }")))).toEqual([
      '2:29+7 DAG_INVALID p.default: expected array, got {"a":1}',
    ]);
  });
});

describe("the keys of a task", () => {
  it.each(TRIGGER_RULES)("name the trigger rule %s", (rule) => {
    expect(task(`trigger_rule: ${rule}`)?.triggerRule).toBe(rule);
  });

  it("are what TASK_DEFAULTS says without them", () => {
    expect(task("retries: 0")).toMatchObject(TASK_DEFAULTS);
  });

  it("say what may be tried again, how much of it is at work, and what it brings up to date", () => {
    const keys =
      "retries: 1, retry_on: [lost, AWS_DENIED], weight_rule: absolute, max_active_per_dag: 2, produces: [a, b]";
    expect(task(keys)).toMatchObject({
      retryOn: ["lost", "AWS_DENIED"],
      weightRule: "absolute",
      maxActivePerDag: 2,
      produces: ["a", "b"],
    });
  });

  it("look back at earlier runs; waiting for downstreams includes the task itself", () => {
    expect(task("depends_on_past: true", daily)).toMatchObject({ dependsOnPast: true, waitForDownstream: false });
    expect(task("wait_for_downstream: true", daily)).toMatchObject({ dependsOnPast: true, waitForDownstream: true });
  });

  it.each([
    ["[1, 2]", { items: [1, 2], maxParallel: null, label: null }],
    ["{ north: 1, south: 2 }", { items: { north: 1, south: 2 }, maxParallel: null, label: null }],
    ["'{{ params.p }}'", { items: "{{ params.p }}", maxParallel: null, label: null }],
    ["s3://bucket/list.json", { items: "s3://bucket/list.json", maxParallel: null, label: null }],
    [
      "{ items: { items: 1 }, max_parallel: 3, label: '{{ item.key }}' }",
      { items: { items: 1 }, maxParallel: 3, label: "{{ item.key }}" },
    ],
  ])("map it over %s", (items, expected) => {
    expect(task(`for_each: ${items}`, "params: { p: { type: array } }\n")?.forEach).toEqual(expected);
  });

  it("take the DAG's defaults, but a teardown looks back at no run", () => {
    const head = `${daily}defaults: { weight_rule: upstream, depends_on_past: true, retry_on: [lost] }\n`;
    const { tasks } = spec("a: { operator: noop }\nb: { operator: noop, teardown_of: [a] }", head);
    expect(tasks[0]).toMatchObject({ weightRule: "upstream", dependsOnPast: true, retryOn: ["lost"] });
    expect(tasks[1]).toMatchObject({ weightRule: "upstream", dependsOnPast: false });
  });
});
