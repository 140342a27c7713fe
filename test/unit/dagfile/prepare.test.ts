import { describe, expect, it } from "vitest";
import type { Json, JsonObject } from "../../../engine/core/json.ts";
import type { DagRun } from "../../../engine/core/records.ts";
import { prepareTask } from "../../../engine/dagfile/prepare.ts";
import { readDagFile } from "../../../engine/dagfile/read.ts";
import { templateContext } from "../../../engine/dagfile/template-context.ts";
import { operators } from "./operators.ts";

const at = (text: string): number => Date.parse(text);

const run: DagRun = {
  runId: "0190",
  dagId: "nightly",
  dagRunId: "backfill__2026-01-10T07:00:00+00:00",
  runType: "backfill",
  logicalAt: at("2026-01-10T07:00:00Z"),
  intervalStartAt: at("2026-01-10T07:00:00Z"),
  intervalEndAt: at("2026-01-11T07:00:00Z"),
  runAfterAt: at("2026-01-11T07:00:00Z"),
  versionId: "v",
  backfillId: null,
  conf: {},
  state: "running",
  queuedAt: 0,
  startedAt: null,
  endedAt: null,
  triggeredBy: "test",
  quarantine: null,
  budgetLevel: "ok",
  onlyTasks: null,
  ending: null,
};

function prepared(parameters: string, given: { conf?: JsonObject; outputs?: Record<string, Json>; run?: DagRun } = {}) {
  const text = `dag: nightly
owner: data
schedule: { cron: "0 2 * * *", timezone: America/New_York }
params: { bucket: { type: string, default: acme }, most: { type: number, default: 0.5, maximum: 1 } }
tasks:
  up: { operator: noop }
  a:
    operator: job.run
    depends_on: [up]
    with: ${parameters}
`;
  const { dags, problems } = readDagFile({ file: "x.yaml", text, operators, readProjectFile: () => null });
  expect(problems).toEqual([]);
  const [spec, descriptor] = [dags[0]?.spec, operators[1]];
  const task = spec?.tasks[1];
  if (!spec || !descriptor || !task) throw new Error("the DAG has two tasks");
  const shared = { spec, task, tryNumber: 2, local: true, run: given.run ?? run };
  const rest = { outputs: given.outputs ?? {}, conf: given.conf ?? {} };
  return {
    prepared: prepareTask({ ...shared, ...rest, descriptor }),
    context: templateContext({ ...shared, ...rest }),
  };
}

describe("preparing a task", () => {
  it("renders, applies the operator's defaults and hashes what will be sent", () => {
    const first = prepared('{ job: "{{ params.bucket }}-{{ ds }}" }').prepared;
    expect(first).toMatchObject({ kind: "ready", params: { job: "acme-2026-01-10", workers: 2, arguments: {} } });
    expect(prepared('{ workers: 2, job: "acme-2026-01-10" }').prepared).toEqual(first);
    const other = prepared('{ job: "{{ params.bucket }}" }').prepared;
    expect(other.kind === "ready" && first.kind === "ready" && other.hash !== first.hash).toBe(true);
  });

  it("types a template by its field: a number, true or false, or text", () => {
    const parameters =
      '{ job: "{{ conf.number }}", workers: "{{ conf.text }}", flex: "{% if local %}true{% endif %}", share: "0.{{ conf.number }}", arguments: { a: "{{ conf.number }}" } }';
    expect(prepared(parameters, { conf: { number: 7, text: "10" } }).prepared).toMatchObject({
      kind: "ready",
      params: { job: "7", workers: 10, flex: true, share: 0.7, arguments: { a: "7" } },
    });
  });

  it("takes params from conf before their defaults, when they fit", () => {
    expect(prepared('{ job: "{{ params.bucket }}" }', { conf: { bucket: "b" } }).prepared).toMatchObject({
      params: { job: "b" },
    });
    expect(prepared("{ job: x }", { conf: { most: 2 } }).prepared).toMatchObject({
      kind: "refused",
      failure: { class: "permanent", code: "PARAMS_INVALID", message: "conf.most: expected at most 1, got 2" },
    });
  });

  it("says what a template lacked, and where", () => {
    expect(prepared('{ job: x, arguments: { n: "{{ tasks.up.output.rows }}" } }').prepared).toEqual({
      kind: "refused",
      failure: {
        class: "permanent",
        code: "TEMPLATE_FAILED",
        message: "with.arguments.n: undefined variable: tasks.up",
      },
    });
    expect(prepared('{ job: "{{ tasks.up.output.rows }}" }', { outputs: { up: { rows: 5 } } }).prepared).toMatchObject({
      params: { job: "5" },
    });
  });

  it("says which rendered parameter is wrong, with its value", () => {
    expect(
      prepared('{ job: x, workers: "{{ conf.n }}", flex: "{{ conf.n }}" }', { conf: { n: "many" } }).prepared,
    ).toMatchObject({
      failure: {
        code: "PARAMS_INVALID",
        message: 'workers: expected a number, got "many"; flex: expected true or false, got "many"',
      },
    });
    expect(prepared('{ job: x, workers: "{{ conf.n }}" }', { conf: { n: 0 } }).prepared).toMatchObject({
      failure: { message: "workers: expected at least 1, got 0" },
    });
  });
});

describe("the names of a run", () => {
  it("are its dates in the DAG's zone and its instants in UTC", () => {
    expect(prepared("{ job: x }", { conf: { a: 1 }, outputs: { up: 5 } }).context).toEqual({
      ds: "2026-01-10",
      ds_nodash: "20260110",
      ds_utc: "2026-01-10",
      ts: "2026-01-10T07:00:00+00:00",
      ts_nodash: "20260110T070000",
      logical_date: "2026-01-10T07:00:00+00:00",
      data_interval_start: "2026-01-10T07:00:00+00:00",
      data_interval_end: "2026-01-11T07:00:00+00:00",
      run_id: "backfill__2026-01-10T07:00:00+00:00",
      run_type: "backfill",
      try_number: 2,
      map_index: -1,
      local: true,
      vars: {},
      prev_success: {
        logical_date: null,
        ds: null,
        data_interval_start: null,
        data_interval_end: null,
        started_at: null,
      },
      dag: { dag_id: "nightly", description: null, owner: "data", timezone: "America/New_York" },
      task: { task_id: "a", operator: "job.run" },
      params: { bucket: "acme", most: 0.5 },
      conf: { a: 1 },
      tasks: { up: { output: 5 } },
    });
  });

  it("without a logical date are those of the last complete interval (protocol rule 32)", () => {
    const manual = {
      ...run,
      logicalAt: null,
      intervalStartAt: null,
      intervalEndAt: null,
      runAfterAt: at("2026-01-11T06:59:00Z"),
    };
    expect(prepared("{ job: x }", { run: manual }).context).toMatchObject({
      ds: "2026-01-09",
      data_interval_start: "2026-01-09T07:00:00+00:00",
      data_interval_end: "2026-01-10T07:00:00+00:00",
    });
  });
});

describe("preparing a task with a condition or a list", () => {
  const taskWith = (keys: string, given: { outputs?: Record<string, Json>; mapIndex?: number; item?: Json } = {}) => {
    const text = `dag: nightly
params: { regions: { type: string, default: '["eu", "us"]' }, full: { type: boolean, default: false } }
tasks:
  up: { operator: noop }
  a:
    operator: job.run
    depends_on: [up]
    with: { job: "load${keys.startsWith("for_each") ? "-{{ item }}" : ""}" }
    ${keys}
`;
    const { dags } = readDagFile({ file: "x.yaml", text, operators, readProjectFile: () => null });
    const [spec, descriptor] = [dags[0]?.spec, operators[1]];
    const task = spec?.tasks[1];
    if (!spec || !descriptor || !task) throw new Error("the DAG has two tasks");
    return prepareTask({ spec, task, tryNumber: 1, local: true, run, conf: {}, outputs: {}, ...given, descriptor });
  };
  const mapped = 'for_each: "{{ params.regions }}"';

  it("says that a task whose condition is false is not wanted", () => {
    expect(taskWith('when: "{{ params.full }}"').kind).toBe("unwanted");
  });

  it("asks the condition of a mapped task for each instance, which may be about its item", () => {
    const keys = 'for_each: [1, 2]\n    when: "{{ item | minus: 1 }}"';
    const answers = [taskWith(keys), ...[1, 2].map((item) => taskWith(keys, { mapIndex: item - 1, item }))];
    expect(answers.map(({ kind }) => kind)).toEqual(["mapped", "unwanted", "ready"]);
  });

  it("says what a mapped task as a whole is mapped over", () => {
    expect(taskWith(mapped)).toEqual({ kind: "mapped", items: ["eu", "us"], labels: null });
  });

  it("renders an instance with its item", () => {
    expect(taskWith(mapped, { mapIndex: 1, item: "us" })).toMatchObject({ kind: "ready", params: { job: "load-us" } });
  });

  it("labels each instance by its item", () => {
    const keys = 'for_each: { items: [{ day: 1 }, { day: 2 }], label: "day {{ item.day }}" }';
    expect(taskWith(keys)).toMatchObject({ kind: "mapped", labels: ["day 1", "day 2"] });
  });

  it("asks for a list that lies in S3", () => {
    const outputs = { up: "s3://acme/lists/today.json" };
    const answer = taskWith('for_each: "{{ tasks.up.output }}"', { outputs });
    expect(answer).toEqual({ kind: "listed", uri: "s3://acme/lists/today.json" });
  });

  it("refuses to map over what is no list", () => {
    const answer = taskWith('for_each: "{{ tasks.up.output }}"', { outputs: { up: 7 } });
    expect(answer).toMatchObject({ kind: "refused", failure: { code: "FOR_EACH_INVALID", class: "permanent" } });
  });
});
