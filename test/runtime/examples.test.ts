import { setTimeout as delay } from "node:timers/promises";
import pc from "picocolors";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DagSpec, ParamSpec } from "../../engine/core/dag.ts";
import type { Json, JsonObject } from "../../engine/core/json.ts";
import type { AnyOperator } from "../../engine/core/operator.ts";
import { manualInterval } from "../../engine/core/schedule/manual-run.ts";
import { runLines } from "../../engine/cli/runs/run-lines.ts";
import { DEFAULT_SETTINGS } from "../../engine/core/settings.ts";
import { prepareTask } from "../../engine/dagfile/prepare.ts";
import { renderText } from "../../engine/dagfile/render-text.ts";
import type { EngineDeps } from "../../engine/runtime/deps.ts";
import { newRunId } from "../../engine/runtime/ids.ts";
import { enqueue } from "../../engine/store/inbox.ts";
import { waitingApprovals } from "../../engine/store/read-models/approvals.ts";
import { runDetail } from "../../engine/store/read-models/run-detail.ts";
import { subRunsOf } from "../../engine/store/sub-runs.ts";
import { triggerRun } from "../../engine/store/trigger.ts";
import { operatorDescriptors } from "../../operators/index.ts";
import { letGo } from "../../operators/in-process/works.ts";
import { testHost } from "../operators/host.ts";
import { testDatabase, type TestDatabase } from "../setup/postgres.ts";
import { guideExamples, type Example } from "./guide-examples.ts";
import { Fleet } from "./harness.ts";

/** Operators that need nothing but this machine. */
const LOCAL = ["noop", "shell.run", "branch", "short_circuit", "wait.until", "approval", "dag.trigger"];
/** A minute takes a second. */
const FACTOR = 60;
const DUE = Date.UTC(2026, 2, 2, 12);

const { examples } = guideExamples();
const known = new Set(examples.map(({ dag }) => dag.spec.dagId));
const isRunnable = ({ dag }: Example): boolean =>
  dag.spec.tasks.every(
    ({ operator, with: { dag: triggered } }) =>
      LOCAL.includes(operator) && (operator !== "dag.trigger" || known.has(triggered as string)),
  );
const runnable = examples.filter(isRunnable);

let database: TestDatabase;
let fleet: Fleet;
const ended = new Map<string, { readonly run: string; readonly tasks: Record<string, string> }>();

beforeAll(async () => {
  database = await testDatabase();
  fleet = await Fleet.create(database.url);
  await runAll();
}, 180_000);
afterAll(async () => {
  await fleet.close();
  letGo();
  await database.drop();
});

const OPERATORS = new Map(operatorDescriptors.map((descriptor) => [descriptor.type, descriptor]));

/** The engine as the program puts it together, on a clock that runs faster, and with no schedule of its own. */
function asShipped(deps: EngineDeps): EngineDeps {
  const now = Date.now();
  const loaded = new Map<string, Promise<AnyOperator>>();
  const host = testHost({ subRuns: subRunsOf(fleet.store, { newRunId, confMistake: () => null }) });
  return {
    ...deps,
    dags: runnable.map(({ dag }) => dag),
    settings: { ...DEFAULT_SETTINGS, pollMinMs: 5, pollMaxMs: 50 },
    time: { factor: FACTOR, realFrom: now, engineFrom: now },
    operators: OPERATORS,
    operator: (type) => {
      const found = loaded.get(type) ?? OPERATORS.get(type)?.load(host) ?? Promise.reject(new Error(`no ${type}`));
      loaded.set(type, found);
      return found;
    },
    prepare: (request) => {
      const descriptor = OPERATORS.get(request.task.operator);
      if (!descriptor) throw new Error(`no operator ${request.task.operator}`);
      return prepareTask({ ...request, ...request.mapped, conf: request.run.conf, local: true, descriptor });
    },
    concurrencyKey: (spec, run, template, vars) => {
      const rendered = renderText(template, { spec, run, conf: run.conf, vars, local: true });
      if (!rendered.ok) throw new Error(rendered.failure.message);
      return rendered.text;
    },
  };
}

/** One run of each, all in one engine; whatever asks a person is approved. */
async function runAll(): Promise<void> {
  const [first] = runnable;
  if (!first) throw new Error("the guide has no example");
  const engine = await fleet.engine(first.dag.spec, asShipped);
  await engine.ready;
  const byTasks = new Set(runnable.flatMap(({ dag }) => dag.spec.tasks.map(({ with: params }) => params["dag"])));
  for (const { dag } of runnable) if (!byTasks.has(dag.spec.dagId)) await trigger(dag.spec);
  // What has not ended by then is shown as it stands.
  const limit = Date.now() + 120_000;
  let isOver = false;
  const settled = engine.settled().finally(() => (isOver = true));
  while (!isOver && Date.now() < limit) {
    await approveAll();
    await Promise.race([settled, delay(50)]);
  }
  for (const { dag } of runnable) await remember(dag.spec.dagId);
}

async function trigger(spec: DagSpec): Promise<void> {
  const { dagId } = spec;
  const { startAt, endAt } = manualInterval(spec, { logicalAt: null, runAfterAt: DUE });
  const run = {
    runId: newRunId(Date.now()),
    intervalStartAt: startAt,
    intervalEndAt: endAt,
    runAfterAt: DUE,
    conf: confFor(spec.params),
    queuedAt: Date.now(),
    triggeredBy: "test",
    note: null,
  };
  const wish = { dagId, dagRunId: "of_the_guide", isIdMade: false, logicalAt: startAt, idempotency: null };
  expect((await triggerRun<never>(fleet.store, wish, () => ({ run }))).kind).toBe("triggered");
}

const ANY: Record<ParamSpec["type"], Json> = {
  string: "a",
  number: 1,
  integer: 1,
  boolean: true,
  array: [],
  object: {},
};

/** A value for each param that has none. */
const confFor = (params: DagSpec["params"]): JsonObject =>
  Object.fromEntries(
    Object.entries(params).flatMap(([name, param]) => (param.default === undefined ? [[name, ANY[param.type]]] : [])),
  );

async function approveAll(): Promise<void> {
  for (const { runId, taskId, mapIndex, tryNumber } of await waitingApprovals(fleet.store)) {
    const wish = { runId, taskId, mapIndex, tryNumber, decision: "approved", note: null } as const;
    await enqueue(fleet.store, { kind: "decide_approval", ...wish, by: "test" });
  }
}

async function remember(dagId: string): Promise<void> {
  const sql = "SELECT dag_run_id FROM dag_run WHERE dag_id = $1";
  const { rows } = await fleet.store.pool.query<{ dag_run_id: string }>(sql, [dagId]);
  const detail = await runDetail(fleet.store, dagId, rows[0]?.dag_run_id ?? "");
  if (!detail) return;
  const name = (taskId: string, mapIndex: number): string => (mapIndex < 0 ? taskId : `${taskId}[${mapIndex}]`);
  const tasks = detail.tasks.map(({ taskId, mapIndex, state }) => [name(taskId, mapIndex), state]);
  ended.set(dagId, { run: detail.run.state, tasks: Object.fromEntries(tasks) as Record<string, string> });
}

test.each(runnable.map((example) => [`${example.page}: ${example.dag.spec.dagId}`, example] as const))(
  "%s ends as the page says",
  (_, { dag, run, tasks }) => {
    expect(ended.get(dag.spec.dagId)).toMatchObject({ run, tasks });
  },
);

test("an instance of a mapped task is shown with its number and its label", async () => {
  const detail = await runDetail(fleet.store, "count_stores", "of_the_guide");
  const lines = detail === null ? [] : runLines(detail, pc.createColors(false)).map((line) => line.split(/ {2,}/)[0]);
  expect(lines).toEqual(expect.arrayContaining(["count", "count[0] store north", "count[1] store south", "sum"]));
});

test("each page for authors of DAGs has an example that runs", () => {
  const pages = new Set(runnable.map(({ page }) => page));
  for (const page of ["dag-file", "schedules", "flow", "assets", "trigger-rules", "retries-and-time", "mapping"]) {
    expect(pages).toContain(`${page}.md`);
  }
});
