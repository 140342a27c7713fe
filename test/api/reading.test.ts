import { beforeAll, describe, expect, it } from "vitest";
import { replaceImportErrors } from "../../engine/store/import-errors.ts";
import { AT, FROZEN, attempt, run, task } from "../store/batches.ts";
import { mistakesOf, publication, type Item, serviceOfThisFile } from "./service.ts";

const nightly = publication("nightly");
const weekly = publication("weekly", { tags: ["sales"], owner: "ops", schedule: null });
const sleeping = publication("sleeping", { paused: true, tags: ["nightly"] }, "dags/broken.yaml");
const gone = publication("gone");
const service = serviceOfThisFile([nightly, weekly, sleeping, gone]);

const id = (last: number): string => `01900000-0000-7000-8000-00000000000${last}`;
const day = (n: number): number => Date.UTC(2026, 0, n, 7);
const ended = run(nightly, {
  runId: id(1),
  dagRunId: "scheduled__a",
  runType: "scheduled",
  logicalAt: day(1),
  state: "success",
  startedAt: AT,
  endedAt: AT + 61_500,
  triggeredBy: "schedule",
});
const running = run(nightly, {
  runId: id(2),
  dagRunId: "backfill__b",
  logicalAt: day(2),
  state: "running",
  startedAt: AT,
});
const waiting = run(weekly, { runId: id(3), dagRunId: "manual__c", runType: "manual", logicalAt: null, conf: {} });
const extract = task(ended, 1, { state: "success", tryNumber: 1, startedAt: AT, endedAt: AT + 1_500 });
const load = task(ended, 2);

beforeAll(async () => {
  await service.writer.write({
    runsCreated: [ended, running, waiting],
    tasksCreated: [extract, load, task(running, 1, { state: "up_for_retry", retryAt: AT, tryNumber: 1 })],
    frozenParams: [FROZEN],
    attemptsCreated: [attempt(extract, { state: "succeeded", endedAt: AT, ref: "jr_1", intentAt: AT - 2_000 })],
  });
  await service.store.pool.query("UPDATE dag SET is_stale = true WHERE dag_id = 'gone'");
  await service.store.pool.query("UPDATE dag SET next_due_at = instant($1) WHERE dag_id = 'nightly'", [day(3)]);
  await replaceImportErrors(service.store, [
    {
      file: "dags/broken.yaml",
      problems: [
        { code: "DAG_YAML", message: "a colon is missing", at: { file: "dags/broken.yaml", line: 3, column: 7 } },
      ],
    },
  ]);
});

const get = async (path: string) => service.call("GET", `/api/v2/${path}`);
const ids = async (path: string, list: string, key: string): Promise<unknown[]> => {
  const { status, body } = await get(path);
  expect([path, status]).toEqual([path, 200]);
  return (body[list] as Item[]).map((item) => item[key]);
};
const dagIds = (query: string) => ids(`dags${query}`, "dags", "dag_id");
const runIds = (query: string) => ids(`dags/~/dagRuns${query}`, "dag_runs", "dag_run_id");
const taskIds = (path: string) => ids(path, "task_instances", "task_id");

/** The required fields of Airflow's official clients 3.0 to 3.2, which read them by type. */
const STRING = "string";
const REQUIRED = {
  run: {
    dag_run_id: STRING,
    dag_id: STRING,
    dag_display_name: STRING,
    run_after: "time",
    run_type: ["backfill", "scheduled", "manual", "asset_triggered", "asset_materialization"],
    state: ["queued", "running", "success", "failed"],
    dag_versions: "list",
    conf: "object",
  },
  version: { id: "uuid", version_number: "int", dag_id: STRING, dag_display_name: STRING, created_at: "time" },
  task: {
    id: "uuid",
    task_id: STRING,
    dag_id: STRING,
    dag_run_id: STRING,
    map_index: "int",
    run_after: "time",
    try_number: "int",
    max_tries: "int",
    task_display_name: STRING,
    dag_display_name: STRING,
    pool: STRING,
    pool_slots: "int",
    executor_config: STRING,
  },
  dag: {
    dag_id: STRING,
    dag_display_name: STRING,
    is_paused: "boolean",
    is_stale: "boolean",
    fileloc: STRING,
    file_token: STRING,
    owners: "list",
    tags: "list",
    max_active_tasks: "int",
    max_consecutive_failed_dag_runs: "int",
    has_task_concurrency_limits: "boolean",
    has_import_errors: "boolean",
    timetable_partitioned: "boolean",
  },
  tag: { name: STRING, dag_id: STRING, dag_display_name: STRING },
  importError: { import_error_id: "int", timestamp: "time", filename: STRING, stack_trace: STRING },
} as const;

function fits(value: unknown, wanted: string | readonly string[]): boolean {
  if (typeof wanted !== "string") return wanted.includes(value as string);
  if (wanted === "int") return Number.isInteger(value);
  if (wanted === "list") return Array.isArray(value);
  if (wanted === "time") return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(String(value));
  if (wanted === "uuid") return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(String(value));
  return typeof value === wanted && value !== null;
}

function expectFields(items: readonly unknown[], kind: keyof typeof REQUIRED): void {
  expect(items.length).toBeGreaterThan(0);
  for (const item of items as Record<string, unknown>[]) {
    const wrong = Object.entries<string | readonly string[]>(REQUIRED[kind]).filter(
      ([name, wanted]) => !fits(item[name], wanted),
    );
    expect(wrong).toEqual([]);
  }
}

describe("every answer has the fields that Airflow's clients require", () => {
  it("of DAGs, in the list and alone", async () => {
    const { dags, total_entries: total } = (await get("dags")).body;
    expect(total).toBe(3);
    expectFields(dags, "dag");
    expectFields(dags[0]?.["tags"] as unknown[], "tag");
    expectFields([(await get("dags/gone")).body], "dag");
  });

  it("of runs, in the list, alone and when triggered", async () => {
    const { dag_runs: runs, total_entries: total } = (await get("dags/~/dagRuns")).body;
    expect(total).toBe(3);
    const one = (await get("dags/nightly/dagRuns/scheduled__a")).body;
    const triggered = (await service.trigger("nightly", { dag_run_id: "d" })).body;
    await service.store.pool.query("DELETE FROM dag_run WHERE dag_run_id = 'd'");
    expectFields([...runs, one, triggered], "run");
    expectFields(
      [...runs, one, triggered].flatMap((item) => item["dag_versions"] as unknown[]),
      "version",
    );
  });

  it("of task instances, in the list and alone, and executor_config is text", async () => {
    const { task_instances: tasks, total_entries: total } = (await get("dags/~/dagRuns/~/taskInstances")).body;
    expect(total).toBe(3);
    const one = (await get("dags/nightly/dagRuns/scheduled__a/taskInstances/extract")).body;
    expectFields([...tasks, one], "task");
    expectFields([one["dag_version"]], "version");
    expect(one["executor_config"]).toBe("{}");
  });

  it("of import errors", async () => {
    const { import_errors: errors, total_entries: total } = (await get("importErrors")).body;
    expect(total).toBe(1);
    expectFields(errors, "importError");
    expect(errors[0]).toMatchObject({
      filename: "dags/broken.yaml",
      stack_trace: "dags/broken.yaml:3:7  DAG_YAML  a colon is missing",
    });
  });

  it("of the version", async () => {
    expect((await get("version")).body).toEqual({ version: "1.2.3", git_version: null });
  });
});

describe("DAGs", () => {
  it("are listed by id without stale ones, filtered and page by page", async () => {
    expect(await dagIds("")).toEqual(["nightly", "sleeping", "weekly"]);
    expect(await dagIds("?order_by=-dag_id&limit=2")).toEqual(["weekly", "sleeping"]);
    expect(await dagIds("?limit=2&offset=2")).toEqual(["weekly"]);
    expect(await dagIds("?exclude_stale=false&dag_id_pattern=GO")).toEqual(["gone"]);
    expect(await dagIds("?dag_id_pattern=%25ly")).toEqual(["nightly", "weekly"]);
    expect(await dagIds("?dag_id_pattern=~")).toHaveLength(3);
    expect(await dagIds("?paused=true")).toEqual(["sleeping"]);
    expect(await dagIds("?paused=False")).toEqual(["nightly", "weekly"]);
    expect(await dagIds("?owners=ops")).toEqual(["weekly"]);
    expect(await dagIds("?tags=sales")).toEqual(["nightly", "weekly"]);
    expect(await dagIds("?tags=sales&tags=nightly&tags_match_mode=all")).toEqual(["nightly"]);
    expect((await get("dags?limit=1")).body.total_entries).toBe(3);
  });

  it("say when they are due next, that they are paused, and that their file is broken", async () => {
    expect((await get("dags/nightly")).body).toMatchObject({
      description: "Sales of the night",
      owners: ["data"],
      fileloc: "dags/nightly.yaml",
      timetable_summary: "0 2 * * *",
      next_dagrun_run_after: "2026-01-03T07:00:00.000Z",
      next_dagrun_logical_date: "2026-01-02T07:00:00.000Z",
      is_paused: false,
      has_import_errors: false,
    });
    expect((await get("dags/sleeping")).body).toMatchObject({ is_paused: true, has_import_errors: true });
    expect((await get("dags/weekly")).body).toMatchObject({ timetable_summary: null, next_dagrun_run_after: null });
    expect(await get("dags/nothing")).toMatchObject({ status: 404, body: { code: "DAG_NOT_FOUND" } });
  });
});

describe("runs", () => {
  it("are listed of one DAG or of all, by state, type and time, in any order", async () => {
    expect(await runIds("")).toEqual(["scheduled__a", "backfill__b", "manual__c"]);
    expect(await ids("dags/weekly/dagRuns", "dag_runs", "dag_run_id")).toEqual(["manual__c"]);
    expect(await ids("dags/nothing/dagRuns", "dag_runs", "dag_run_id")).toEqual([]);
    expect(await runIds("?state=success&state=queued")).toEqual(["scheduled__a", "manual__c"]);
    expect(await runIds("?run_type=manual")).toEqual(["manual__c"]);
    expect(await runIds("?run_type=asset_triggered")).toEqual([]);
    expect(await runIds("?logical_date_gte=2026-01-02T02:00:00-05:00")).toEqual(["backfill__b"]);
    expect(await runIds("?logical_date_lt=2026-01-02T07:00:00Z")).toEqual(["scheduled__a"]);
    expect(await runIds("?logical_date_gte=2026-01-01T07:00:00Z&logical_date_lte=2026-01-02T07:00:00Z")).toHaveLength(
      2,
    );
    expect(await runIds("?start_date_gt=2026-01-03T00:00:00Z")).toEqual([]);
    expect(await runIds("?order_by=-logical_date&limit=1")).toEqual(["backfill__b"]);
    expect(await runIds("?order_by=state&order_by=-id")).toEqual(["manual__c", "backfill__b", "scheduled__a"]);
    expect(await runIds("?limit=1&offset=1")).toEqual(["backfill__b"]);
  });

  it("show what made them and how long they took", async () => {
    expect((await get("dags/nightly/dagRuns/scheduled__a")).body).toMatchObject({
      run_type: "scheduled",
      triggered_by: "timetable",
      duration: 61.5,
      conf: { region: "eu" },
      dag_versions: [{ id: nightly.version.versionId, version_number: 1 }],
    });
    expect((await get("dags/nightly/dagRuns/backfill__b")).body).toMatchObject({
      triggered_by: "backfill",
      duration: null,
      end_date: null,
    });
    expect(await get("dags/nightly/dagRuns/nothing")).toMatchObject({ status: 404, body: { code: "RUN_NOT_FOUND" } });
    expect((await get("dags/weekly/dagRuns/scheduled__a")).status).toBe(404);
  });
});

describe("task instances", () => {
  it("show their state, null for one that is not planned yet", async () => {
    const path = "dags/nightly/dagRuns/scheduled__a/taskInstances";
    expect(await taskIds(path)).toEqual(["extract", "load"]);
    expect((await get(`${path}/extract`)).body).toMatchObject({
      state: "success",
      try_number: 1,
      max_tries: 1,
      duration: 1.5,
      operator: "glue.job",
      pool: "default_pool",
      queued_when: new Date(AT - 2_000).toISOString(),
    });
    expect((await get(`${path}/load`)).body).toMatchObject({ state: null, try_number: 0, start_date: null });
    expect((await get(`${path}/nothing`)).status).toBe(404);
    expect((await get("dags/nightly/dagRuns/nothing/taskInstances")).status).toBe(404);
    expect(await taskIds("dags/weekly/dagRuns/manual__c/taskInstances")).toEqual([]);
  });

  it("are listed of all runs, by state and in order", async () => {
    expect(await taskIds("dags/~/dagRuns/~/taskInstances?state=up_for_retry&state=success")).toEqual([
      "extract",
      "extract",
    ]);
    expect(await taskIds("dags/~/dagRuns/~/taskInstances?state=null")).toEqual(["load"]);
    expect(await taskIds("dags/nightly/dagRuns/~/taskInstances?order_by=-task_id")).toEqual([
      "load",
      "extract",
      "extract",
    ]);
    expect(await taskIds("dags/~/dagRuns/scheduled__a/taskInstances?limit=1&offset=1")).toEqual(["load"]);
  });

  it("have an id that stays", async () => {
    const path = "dags/nightly/dagRuns/scheduled__a/taskInstances";
    const first = await ids(path, "task_instances", "id");
    expect(await ids(path, "task_instances", "id")).toEqual(first);
    expect(new Set(first).size).toBe(2);
  });
});

describe("a query that will not do", () => {
  it("is 422 and names the filter, one that does not exist too", async () => {
    for (const [query, field] of [
      ["limit=0", "limit"],
      ["limit=1001", "limit"],
      ["limit=ten", "limit"],
      ["limit=1&limit=2", "limit"],
      ["offset=-1", "offset"],
      ["order_by=conf", "order_by"],
      ["state=done", "state"],
      ["logical_date_gte=yesterday", "logical_date_gte"],
      ["statee=success", "statee"],
    ] as const) {
      const answer = await get(`dags/~/dagRuns?${query}`);
      expect([query, answer.status]).toEqual([query, 422]);
      expect(mistakesOf(answer)[0]?.loc.slice(0, 2)).toEqual(["query", field]);
    }
    expect((await get("dags?dag_id_pattern=%00")).status).toBe(400);
    expect((await get("dags/%00")).status).toBe(400);
  });
});
