import { describe, expect, it } from "vitest";
import { readDagFile } from "../../../engine/dagfile/read.ts";
import { operators } from "./operators.ts";
import { dag, problems } from "./reading.ts";

const a = (keys: string, head = "") => dag(`a: { operator: noop, ${keys} }`, head);
const two = (keys: string, head = "") => dag(`up: { operator: noop }\na: { operator: noop, ${keys} }`, head);

describe("keys that contradict each other or do nothing", () => {
  it.each([
    [
      "looking back without a schedule",
      a("depends_on_past: true"),
      "3:24+15 DAG_INVALID depends_on_past: it does nothing without a schedule",
    ],
    [
      "looking back where only assets start runs",
      a("wait_for_downstream: true", "on_assets: orders\n"),
      "4:24+19 DAG_INVALID wait_for_downstream: it does nothing without a schedule",
    ],
    [
      "looking back by default, once, where the default stands",
      dag("a: { operator: noop }\nb: { operator: noop }", "defaults: { depends_on_past: true }\n"),
      "2:13+15 DAG_INVALID depends_on_past: it does nothing without a schedule",
    ],
    [
      "room for nobody",
      a("max_active_per_dag: 0"),
      "3:44+1 DAG_INVALID max_active_per_dag: expected at least 1, got 0",
    ],
    [
      "a DAG that starts itself again by what it produces",
      a("produces: [stores, orders]", "on_assets: orders & prices\n"),
      "4:43+6 DAG_INVALID orders: on_assets waits for it, so that each run would start the next one without end",
    ],
    ["causes without retries", a("retry_on: [lost]"), "3:24+8 DAG_INVALID retry_on: it does nothing without retries"],
    [
      "a cause that does not exist",
      a("retries: 1, retry_on: [los]"),
      "3:47+3 DAG_INVALID los: no failure class (retryable, permanent, denied, capacity, resource_gone, lost) and no error code (lost?)",
    ],
    [
      "a code that does not exist, in the defaults",
      dag("a: { operator: noop }", "defaults: { retry_on: [AWS_DENYED] }\n"),
      "2:24+10 DAG_INVALID AWS_DENYED: no failure class (retryable, permanent, denied, capacity, resource_gone, lost) and no error code (AWS_DENIED?)",
    ],
    [
      "always, over the output of an upstream",
      two('depends_on: [up], trigger_rule: always, for_each: "{{ tasks.up.output }}"'),
      "4:56+6 DAG_INVALID trigger_rule: always would not wait for the output that for_each needs",
    ],
    [
      "a mapped teardown",
      two("teardown_of: [up], for_each: [1]"),
      "4:43+8 DAG_INVALID for_each: a teardown cannot be mapped",
    ],
    [
      "a mapped setup",
      dag("a: { operator: noop, setup_for: [b], for_each: [1] }\nb: { operator: noop }"),
      "3:40+8 DAG_INVALID for_each: a setup cannot be mapped",
    ],
    [
      "a teardown that may be left out",
      two('teardown_of: [up], when: "{{ conf.x }}"'),
      "4:43+4 DAG_INVALID when: a teardown runs whenever a setup of its own succeeded",
    ],
    [
      "a teardown with a trigger rule",
      two("teardown_of: [up], trigger_rule: all_done"),
      "4:43+12 DAG_INVALID trigger_rule: a teardown runs whenever a setup of its own succeeded",
    ],
    [
      "a teardown that waits for the past",
      two("teardown_of: [up], depends_on_past: true", "schedule: { cron: '@daily' }\n"),
      "5:43+15 DAG_INVALID depends_on_past: a teardown runs whatever became of earlier runs",
    ],
    [
      "a condition that is always the same",
      a("when: params.full"),
      '3:30+11 DAG_INVALID when: without a template it is always the same; write "{{ params.full }}"',
    ],
    ["an asset twice", a("produces: [x, x]"), "3:38+1 DAG_INVALID x: it is here twice"],
    [
      "assets that start a DAG which runs all the time",
      a("retries: 0", 'schedule: "@continuous"\non_assets: orders\n'),
      "3:1+9 DAG_INVALID on_assets: a @continuous DAG runs all the time, whatever changes",
    ],
    [
      "items that are no list",
      a("for_each: north"),
      '3:34+5 DAG_INVALID for_each: expected a list, a map, a template or an s3:// address, got "north"',
    ],
    [
      "a misspelt key beside the items",
      a("for_each: { items: [1], max_paralel: 2 }"),
      "3:48+11 DAG_UNKNOWN_KEY max_paralel: no such key in for_each (max_parallel?)",
    ],
    [
      "more items than a task may have",
      a(`for_each: [${Array(10_001).fill(1).join(", ")}]`),
      "3:24+8 DAG_INVALID for_each: expected at most 10000 items, got 10001",
    ],
    [
      "a setup that is a teardown",
      dag("a: { operator: noop, setup_for: [b] }\nb: { operator: noop, teardown_of: [c] }\nc: { operator: noop }"),
      "3:36+1 DAG_INVALID b: it is a teardown; it needs no setup but its own",
    ],
    [
      "a teardown of a teardown",
      dag("a: { operator: noop }\nb: { operator: noop, teardown_of: [a] }\nc: { operator: noop, teardown_of: [b] }"),
      "5:38+1 DAG_INVALID b: it is a teardown itself, not a setup",
    ],
    [
      "a teardown that sets up",
      dag("a: { operator: noop }\nb: { operator: noop, teardown_of: [a], setup_for: [c] }\nc: { operator: noop }"),
      "4:42+9 DAG_INVALID setup_for: a teardown sets nothing up",
    ],
    [
      "a setup for its own teardown",
      dag("a: { operator: noop, setup_for: [b] }\nb: { operator: noop, teardown_of: [a] }"),
      "3:36+1 DAG_INVALID b: it tears this setup down",
    ],
    [
      "a parameter without default where assets start runs",
      a("retries: 0", "on_assets: orders\nparams: { p: { type: string } }\n"),
      "3:11+1 DAG_INVALID p: a scheduled DAG needs a default here",
    ],
    ["no task at all", "dag: x\n", "1:1+6 DAG_MISSING_KEY tasks: this key is missing"],
  ])("name %s", (_, text, expected) => {
    expect(problems(text)).toEqual([expected]);
  });

  it("name an unknown way to resolve a conflict", () => {
    expect(problems(a("retries: 0", "concurrency_key: { key: x, on_conflict: cancel }\n"))).toEqual([
      '2:41+6 DAG_INVALID on_conflict: expected queue or cancel_running or skip, got "cancel"',
    ]);
  });
});

describe("names that templates cannot read", () => {
  const job = (keys: string, head = "") =>
    problems(dag(`up: { operator: noop }\na: { operator: job.run, depends_on: [up], ${keys} }`, head));

  it("are refused in a concurrency key when they belong to a task", () => {
    expect(problems(a("retries: 0", 'concurrency_key: "{{ tasks.a.output }}"\n'))).toEqual([
      "2:22+14 DAG_TEMPLATE tasks: it belongs to a task; here only the names of the run are known",
    ]);
    expect(problems(a("retries: 0", 'concurrency_key: { key: "{{ ds }}{{ try_number }}" }\n'))).toEqual([
      "2:37+10 DAG_TEMPLATE try_number: it belongs to a task; here only the names of the run are known",
    ]);
    expect(problems(a("retries: 0", 'concurrency_key: "{{ vars.region }}{{ prev_success.ds }}"\n'))).toEqual([
      "2:39+15 DAG_TEMPLATE prev_success: it is known once the run starts, and its concurrency key decides whether it may",
    ]);
  });

  it("are the item's, outside a mapped task and in what it is mapped over", () => {
    const expected = "DAG_TEMPLATE item: only a task with for_each has one, in with, when and label";
    expect(job('with: { job: "{{ item }}" }')[0]).toMatch(expected);
    expect(job('with: { job: x }, for_each: "{{ item }}"')[0]).toMatch(expected);
    expect(
      job('with: { job: "{{ item.key }}" }, when: "{{ item }}", for_each: { items: [1], label: "{{ item }}" }'),
    ).toEqual([]);
  });

  it("are checked in when, items and label, at their places", () => {
    expect(job('with: { job: x }, when: "{{ dss }}"')).toEqual([
      "4:73+3 DAG_TEMPLATE dss: no such name in templates (ds?)",
    ]);
    expect(job('with: { job: x }, for_each: "{{ dss }}"')).toEqual([
      "4:77+3 DAG_TEMPLATE dss: no such name in templates (ds?)",
    ]);
    expect(job('with: { job: x }, for_each: { items: ["{{ dss }}"], label: "{{ dss }}" }')).toEqual([
      "4:87+3 DAG_TEMPLATE dss: no such name in templates (ds?)",
      "4:108+3 DAG_TEMPLATE dss: no such name in templates (ds?)",
    ]);
  });

  it("are not those of the last successful run, of variables and of an instance", () => {
    const names = "{{ prev_success.ds }}{{ prev_success.started_at }}{{ vars.any.part }}{{ map_index }}";
    expect(job(`with: { job: "${names}" }`)).toEqual([]);
    expect(job('with: { job: "{{ prev_success.dss }}" }')[0]).toMatch(
      /write one of prev_success\.logical_date, .* \(ds\?\)/,
    );
  });

  it("are outputs of a setup whose teardown need not wait for the task", () => {
    const text = (use: string) =>
      dag(
        `create: { operator: noop, setup_for: [use] }\nuse: { operator: noop }\ndrop: { operator: noop, teardown_of: [create] }\n${use}`,
      );
    const late = 'late: { operator: job.run, with: { job: "{{ tasks.create.output }}" }, depends_on: ';
    expect(problems(text(`${late}[create] }`))).toEqual([
      "6:47+19 DAG_TEMPLATE tasks.create: drop may tear it down before this task has run: add this task to setup_for of create",
    ]);
    expect(problems(text(`${late}[create, drop] }`))).toEqual([]);
  });
});

it.each(["branch", "short_circuit"])("a %s cannot be mapped: its instances would contradict one another", (type) => {
  const [noop] = operators;
  if (!noop) throw new Error("there is an operator");
  const text = dag(`a: { operator: ${type}, for_each: [1] }`);
  const given = { file: "x.yaml", text, operators: [{ ...noop, type }], readProjectFile: () => null };
  expect(readDagFile(given).problems.map(({ code, message }) => `${code} ${message}`)).toEqual([
    `DAG_INVALID for_each: a ${type} cannot be mapped: its instances would contradict one another`,
  ]);
});
