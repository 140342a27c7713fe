import { describe, expect, it } from "vitest";
import { dag, only, problems, read } from "./reading.ts";

describe("a DAG file without problems", () => {
  const full = `
dag: nightly_sales
description: Sales
owner: data
tags: [sales]
schedule: { cron: "0 2 * * *", timezone: America/New_York, catchup: 2d }
start_date: 2026-01-01
end_date: 2026-01-31
max_active_runs: 2
backfill: { max_active_runs: 3 }
params:
  bucket: { type: string, default: acme }
defaults: { retries: 2, retry_delay: 1m, retry_backoff: 2, timeout: 2h, pool: warehouse, aws: { region: us-east-1 } }
sla:
  - { name: ready, finish_by: "06:00+1d" }
budget: { per_run: 25.50 USD, warn_at: 0.9, on_exceeded: stop }
notify:
  - { email: [oncall@example.com, ana+x@sub.example.co], on: [sla_missed, budget_exceeded] }
pools:
  warehouse: { slots: 2 }
tasks:
  create:
    operator: noop
    setup_for: [work]
  work:
    operator: job.run
    with: { job: "x-{{ ds }}", files: { sql: sql/clean.sql } }
    retries: 5
    pool_slots: 2
    aws: { connection: other }
    timeout: 90s
  stop:
    operator: noop
    teardown_of: [create]
    fails_run: true
`;

  it("becomes a spec with every default merged in", () => {
    const { spec } = only(full);
    expect(spec).toMatchObject({
      dagId: "nightly_sales",
      schedule: { cron: ["0 2 * * *"], timezone: "America/New_York", catchup: { windowMs: 172_800_000 } },
      timezone: "America/New_York",
      startAt: Date.parse("2026-01-01T05:00:00Z"),
      endAt: Date.parse("2026-02-01T05:00:00Z") - 1,
      maxActiveRuns: 2,
      backfillMaxActiveRuns: 3,
      params: { bucket: { type: "string", default: "acme" } },
      sla: [{ name: "ready", finishBy: { hour: 6, minute: 0, days: 1 } }],
      budget: { perRun: "25.5", currency: "USD", warnAt: 0.9, onExceeded: "stop" },
      notify: [{ email: ["oncall@example.com", "ana+x@sub.example.co"], on: ["sla_missed", "budget_exceeded"] }],
      pools: { warehouse: { slots: 2 } },
    });
    expect(spec.tasks[1]).toEqual({
      taskId: "work",
      operator: "job.run",
      with: { job: "x-{{ ds }}", files: { sql: "sql/clean.sql" } },
      dependsOn: ["create"],
      triggerRule: "all_success",
      isSetup: false,
      teardownOf: [],
      failsRun: false,
      retries: 5,
      retryDelayMs: 60_000,
      retryBackoff: 2,
      maxRetryDelayMs: 86_400_000,
      timeoutMs: 90_000,
      pool: "warehouse",
      poolSlots: 2,
      priority: 1,
      retryOn: null,
      weightRule: "downstream",
      maxActivePerDag: null,
      dependsOnPast: false,
      waitForDownstream: false,
      when: null,
      forEach: null,
      produces: [],
      groupId: null,
      connection: "other",
      region: "us-east-1",
      onDoubt: "fail",
    });
  });

  it("has teardowns that wait for whoever needs their setup, with tries of their own", () => {
    const [create, , stop] = only(full).spec.tasks;
    expect(create).toMatchObject({ isSetup: true });
    expect(stop).toMatchObject({ dependsOn: ["work"], teardownOf: ["create"], failsRun: true, retries: 10 });
  });

  it("brings the bytes of the files it names, and a hash over all of it", () => {
    const first = only(full);
    expect(first.files.map(({ path, bytes }) => [path, Buffer.from(bytes).toString()])).toEqual([
      ["sql/clean.sql", "SELECT 1"],
    ]);
    expect(first.versionHash).toMatch(/^[0-9a-f]{64}$/);
    expect(only(full.replace("owner: data", "owner:   data # the same")).versionHash).toBe(first.versionHash);
    expect(only(full.replace("owner: data", "owner: other")).versionHash).not.toBe(first.versionHash);
    expect(only(full, { "sql/clean.sql": "SELECT 3" }).versionHash).not.toBe(first.versionHash);
  });

  it("may hold several DAGs, one a document", () => {
    const two = `${dag("a: { operator: noop }")}---\n${dag("a: { operator: noop }").replace("nightly", "weekly")}`;
    expect(read(two).dags.map(({ spec }) => spec.dagId)).toEqual(["nightly", "weekly"]);
  });

  it("may reuse values by anchor", () => {
    expect(only(dag("a: &a { operator: noop, retries: 3 }\nb: *a")).spec.tasks.map((task) => task.retries)).toEqual([
      3, 3,
    ]);
  });
});

describe("YAML", () => {
  it.each([
    ["a key twice", "dag: a\ndag: b\ntasks: { a: { operator: noop } }", ["2:1+3 DAG_YAML dag: this key is here twice"]],
    ["a tab", "dag: x\n\ttasks: 1\n", ["2:1+1 DAG_YAML Tabs are not allowed as indentation"]],
    ["an unknown tag", dag("a: { operator: !env X }").replace("X", "noop"), ["3:18+4 DAG_YAML Unresolved tag: !env"]],
    ["an anchor in itself", "dag: x\ntasks: &t\n  a: *t\n", ["3:6+2 DAG_YAML *t contains itself"]],
    ["an alias of nothing", "dag: *t\n", ["1:6+2 DAG_YAML *t: no anchor of this name before it"]],
    [
      "a list as a key",
      dag("a: { operator: noop }", "? [a]\n: 1\n"),
      ["2:3+3 DAG_YAML a key must be text", "2:3+3 DAG_UNKNOWN_KEY [a]: no such key"],
    ],
    ["an empty file", "", ["1:1+1 DAG_YAML this file holds no DAG"]],
    ["a list", "- a\n", ["1:1+3 DAG_INVALID expected a map, got a list"]],
  ])("with %s is one clear problem", (_, text, expected) => {
    expect(problems(text)).toEqual(expected);
    expect(read(text).dags).toEqual([]);
  });

  it("with an unquoted template says to quote it, and reads on", () => {
    const text = dag("a:\n  operator: job.run\n  with:\n    job: {{ ds }}\n    workers: none");
    expect(problems(text)).toEqual([
      '6:12+8 DAG_YAML quote it, or YAML reads it as a map: "{{ ds }}"',
      '7:16+4 DAG_INVALID workers: expected a number, got "none"',
    ]);
    expect(problems("a: {{ ds }}/x\n")[0]).toMatch(/must be quoted/);
    expect(problems("a: {% if x %}1{% endif %}\n")).toHaveLength(1);
  });

  it("that grows beyond measure through aliases is refused", () => {
    const levels = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(", ")}]`);
    expect(problems(`a0: &a0 x\n${levels.join("\n")}\n`)[0]).toMatch(/DAG_YAML .*alias/i);
  });
});

describe("problems", () => {
  it("are all told at once, in the order of the file, with a better spelling where one is near", () => {
    const text = `dag: nightly sales
descripton: x
schedule: { cron: "0 25 * * *", timezone: America/New_Yrok }
start_date: 2026-13-01
max_active_runs: 0
params:
  bucket: { type: string, default: 5 }
defaults: { retry_delay: 5 minutes }
sla: [{ name: a, finish_by: "6:00" }]
tasks:
  clean:
    operator: job.rum
    depends_on: [publsh]
    timeout: 0s
  publish:
    operator: noop
    trigger_rule: all_succes
    groups: 1
  report:
    retries: -1
`;
    expect(problems(text)).toEqual([
      '1:6+13 DAG_INVALID dag: expected letters, digits, _ - and . only, at most 250, got "nightly sales"',
      "2:1+10 DAG_UNKNOWN_KEY descripton: no such key (description?)",
      '3:19+12 DAG_INVALID cron: "0 25 * * *" is no cron schedule: Invalid value for hour: 25',
      '3:43+16 DAG_INVALID timezone: expected a time zone such as America/New_York, got "America/New_Yrok"',
      "4:13+10 DAG_INVALID start_date: expected a date such as 2026-01-31 or 2026-01-31T02:00, got 2026-13-01",
      "5:18+1 DAG_INVALID max_active_runs: expected at least 1, got 0",
      "7:36+1 DAG_INVALID bucket.default: expected string, got 5",
      '8:26+9 DAG_INVALID retry_delay: expected a duration such as 90s, 5m, 2h, 1d or PT1H30M, got "5 minutes"',
      '9:29+6 DAG_INVALID finish_by: expected a time such as "06:00" or "06:00+1d", got "6:00"',
      "12:15+7 DAG_UNKNOWN_OPERATOR job.rum: no such operator; there are noop, job.run (job.run?)",
      "13:18+6 DAG_UNKNOWN_TASK publsh: no such task in depends_on (publish?)",
      '14:14+2 DAG_INVALID timeout: expected a duration above zero, such as 90s, 5m or 2h, got "0s"',
      '17:19+10 DAG_INVALID trigger_rule: expected all_success or all_failed or all_done or all_done_min_one_success or all_skipped or one_failed or one_success or one_done or none_failed or none_failed_min_one_success or none_skipped or always, got "all_succes" (all_success?)',
      "18:5+6 DAG_UNKNOWN_KEY groups: no such key in publish",
      "19:3+6 DAG_MISSING_KEY operator: this key is missing",
      "20:14+2 DAG_INVALID retries: expected at least 0, got -1",
    ]);
  });

  it.each([
    [
      "a cycle, as a path",
      dag(
        "a: { operator: noop, depends_on: [c] }\nb: { operator: noop, depends_on: [a] }\nc: { operator: noop, depends_on: [b] }",
      ),
      "4:37+1 DAG_CYCLE a -> b -> c -> a",
    ],
    ["a task that waits for itself", dag("a: { operator: noop, depends_on: [a] }"), "3:37+1 DAG_CYCLE a -> a"],
    [
      "a cycle through setup_for",
      dag("a: { operator: noop, depends_on: [b], setup_for: [b] }\nb: { operator: noop }"),
      "3:53+1 DAG_CYCLE a -> b -> a",
    ],
    [
      "an unknown pool",
      dag("a: { operator: noop, pool: warehose }", "pools: { warehouse: { slots: 1 } }\n"),
      "4:30+8 DAG_POOL warehose: no such pool (warehouse?)",
    ],
    [
      "more slots than the pool has",
      dag("a: { operator: noop, pool: w, pool_slots: 2 }", "pools: { w: { slots: 1 } }\n"),
      "4:45+1 DAG_POOL pool_slots: 2 of a pool (w) that has 1",
    ],
    [
      "slots without a pool",
      dag("a: { operator: noop, pool_slots: 2 }"),
      "3:24+10 DAG_INVALID pool_slots: it does nothing without pool",
    ],
    [
      "a missing file",
      dag("a: { operator: job.run, with: { job: x, sql: [sql/clean.sql, sql/gone.sql] } }"),
      "3:64+12 DAG_FILE_MISSING sql/gone.sql: no such file in the project",
    ],
    [
      "a template as a file's path",
      dag('a: { operator: job.run, with: { job: x, files: { sql: "{{ ds }}.sql" } } }'),
      "3:57+14 DAG_TEMPLATE {{ ds }}.sql: the file is read with the DAG, before any template is rendered",
    ],
    [
      "an unknown parameter",
      dag("a: { operator: job.run, with: { jobb: x, job: y } }"),
      "3:35+4 DAG_UNKNOWN_KEY jobb: job.run has no such parameter (job?)",
    ],
    ["a missing parameter", dag("a: { operator: job.run }"), "3:3+1 DAG_MISSING_KEY job: job.run needs this parameter"],
    [
      "a key a variant does not know",
      dag("a: { operator: job.run, with: { job: y, target: { kind: cluster, id: x, idd: z } } }"),
      "3:75+3 DAG_UNKNOWN_KEY idd: no such key in target (id?)",
    ],
    [
      "a wrong variant",
      dag("a: { operator: job.run, with: { job: y, target: { kind: clster } } }"),
      '3:59+6 DAG_INVALID kind: expected cluster or serverless, got "clster" (cluster?)',
    ],
    [
      "a bad item of one of two forms",
      dag("a: { operator: job.run, with: { job: y, sql: [sql/clean.sql, 5] } }"),
      "3:64+1 DAG_INVALID 1: expected text, got 5",
    ],
    [
      "a bad task id",
      dag("a b: { operator: noop }"),
      "3:3+3 DAG_INVALID a b: expected letters, digits, _ - and . only, at most 250",
    ],
    [
      "fails_run on no teardown",
      dag("a: { operator: noop, fails_run: true }"),
      "3:24+9 DAG_INVALID fails_run: it does something only with teardown_of",
    ],
    [
      "a scheduled DAG's parameter without default",
      dag("a: { operator: noop }", "schedule: { cron: '@daily' }\nparams: { p: { type: string } }\n"),
      "3:11+1 DAG_INVALID p: a scheduled DAG needs a default here",
    ],
    [
      "a default out of bounds",
      dag("a: { operator: noop }", "params: { p: { type: number, default: 2, maximum: 1 } }\n"),
      "2:39+1 DAG_INVALID p.default: expected at most 1, got 2",
    ],
    [
      "text that a comma cut",
      dag("a: { operator: noop }", "params: { p: { type: string, description: raw, curated and mart } }\n"),
      "2:48+16 DAG_UNKNOWN_KEY curated and mart: no such key in p; text with a comma must be quoted within { }",
    ],
    ["no tasks", "dag: x\ntasks: {}\n", "2:1+5 DAG_INVALID tasks: expected at least one task"],
    [
      "an end before the start",
      dag("a: { operator: noop }", "start_date: 2026-02-01\nend_date: 2026-01-01\n"),
      "3:11+10 DAG_INVALID end_date: it lies before start_date",
    ],
  ])("name %s", (_, text, expected) => {
    expect(problems(text)).toEqual([expected]);
  });

  it("name a DAG id that is taken", () => {
    const { dags, problems } = read(`${dag("a: { operator: noop }")}---\n${dag("b: { operator: noop }")}`);
    expect(problems).toMatchObject([
      { code: "DAG_DUPLICATE_ID", message: "nightly: this DAG is already at dags/x.yaml:1" },
    ]);
    expect(dags.map(({ spec }) => spec.tasks[0]?.taskId)).toEqual(["a"]);
  });
});

describe("templates in a DAG file", () => {
  const task = (job: string) =>
    dag(
      `up: { operator: noop }\na:\n  operator: job.run\n  depends_on: [up]\n  with:\n    job: ${job}\nlater: { operator: noop, depends_on: [a] }`,
      "params: { bucket: { type: string, default: b } }\n",
    );

  it("may stand for any type, and are checked by name", () => {
    const text = dag(
      `a:\n  operator: job.run\n  with: { job: "{{ ds }}", workers: "{{ conf.n }}", flex: "{% if local %}true{% endif %}", target: "{{ conf.t }}" }`,
    );
    expect(problems(text)).toEqual([]);
  });

  it("of every known name and filter are right", () => {
    const names =
      "{{ ds_nodash }}{{ ds_utc }}{{ ts }}{{ ts_nodash }}{{ logical_date }}{{ data_interval_start }}{{ data_interval_end }}{{ run_id }}{{ run_type }}{{ dag.dag_id }}{{ dag.timezone }}{{ task.task_id }}{{ try_number }}{{ params.bucket }}{{ conf.a.b }}{{ tasks.up.output.rows[0].n }}{{ local }}{% for i in conf.list %}{{ i | upcase }}{% endfor %}{{ ds | date_add: -1 | date_format: '%Y' }}";
    expect(problems(task(`"${names}"`))).toEqual([]);
  });

  it.each([
    ['"{{ dss }}"', "9:16+3 DAG_TEMPLATE dss: no such name in templates (ds?)"],
    [
      '"s3://{{ params.bukcet }}/x"',
      "9:21+13 DAG_TEMPLATE params.bukcet: no such parameter is declared under params (bucket?)",
    ],
    [
      "s3://{{ params.bukcet }}/x",
      "9:20+13 DAG_TEMPLATE params.bukcet: no such parameter is declared under params (bucket?)",
    ],
    ['"{{ tasks.upp.output }}"', "9:16+16 DAG_TEMPLATE tasks.upp: no such task in this DAG (up?)"],
    [
      '"{{ tasks.later.output }}"',
      "9:16+18 DAG_TEMPLATE tasks.later: not upstream of this task, so its output may not be there: add it to depends_on",
    ],
    ['"{{ tasks.up.rows }}"', "9:16+13 DAG_TEMPLATE tasks.up: only tasks.up.output can be read"],
    ['"{{ ds | uppcase }}"', "9:21+7 DAG_TEMPLATE uppcase: no such filter (upcase?)"],
    ['"{{ dag }}"', "9:16+3 DAG_TEMPLATE dag: write one of dag.dag_id, dag.description, dag.owner, dag.timezone"],
    ["\"{% include '/etc/passwd' %}\"", '9:13+27 DAG_TEMPLATE tag "include" not found'],
    ["\"{{ ds | date: '%Y' }}\"", "9:21+4 DAG_TEMPLATE date: no such filter"],
    ['"{{ ds"', '9:13+5 DAG_TEMPLATE output "{{ ds" not closed'],
  ])("%s is a problem at its place", (job, expected) => {
    expect(problems(task(job))).toEqual([expected]);
  });

  it("are found in folded and block text, and beside each other", () => {
    expect(problems(task(">-\n      one line\n      {{ dss }} and\n      {{ dss }}"))).toEqual([
      "11:12+3 DAG_TEMPLATE dss: no such name in templates (ds?)",
      "12:12+3 DAG_TEMPLATE dss: no such name in templates (ds?)",
    ]);
    expect(problems(task("|\n      {{ dss }}"))).toEqual(["10:12+3 DAG_TEMPLATE dss: no such name in templates (ds?)"]);
    expect(problems(task('"{{ dss | nope }}"'))).toHaveLength(2);
  });
});
