import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import type { DagSpec } from "../../engine/core/dag.ts";
import type { JsonObject } from "../../engine/core/json.ts";
import type { CommandBody, CommandResult } from "../../engine/core/commands.ts";
import type { SubRuns } from "../../engine/core/sub-runs.ts";
import type { Engine } from "../../engine/runtime/engine.ts";
import { findApprovalLink, makeApprovalLink } from "../../engine/store/approval-links.ts";
import { commandResult, enqueue } from "../../engine/store/inbox.ts";
import { waitingApprovals } from "../../engine/store/read-models/approvals.ts";
import { listAssetEvents, listAssets } from "../../engine/store/read-models/assets.ts";
import { taskSpec } from "../scenario/scenario.ts";
import { dag, flowEngine, noop, startRun } from "./flow-engine.ts";
import { untilSo } from "../setup/until.ts";
import { fleetForEachTest, type Fleet } from "./harness.ts";

let fleet: Fleet;

fleetForEachTest((made) => (fleet = made));

const engine = (specs: readonly DagSpec[], plans = true, change = (own: SubRuns): SubRuns => own): Promise<Engine> =>
  flowEngine(fleet, specs, plans, change);
const start = (dagId: string): Promise<string> => startRun(fleet, dagId);

const rows = async <T>(sql: string): Promise<T[]> => (await fleet.store.pool.query(sql)).rows as T[];
const runsOf = (dagId: string): Promise<{ run_id: string; state: string; depth: number }[]> =>
  rows(`SELECT run_id, state, depth FROM dag_run WHERE dag_id = '${dagId}' ORDER BY run_id`);
const statesOf = async (dagId: string): Promise<string[]> => (await runsOf(dagId)).map(({ state }) => state);

async function said(body: CommandBody): Promise<CommandResult> {
  const id = await enqueue(fleet.store, body);
  for (;;) {
    const result = await commandResult(fleet.store, id);
    if (result) return result;
    await delay(10);
  }
}

const PRODUCER = dag("orders_dag", [noop("load", { produces: ["orders"] })]);
const CONSUMER = dag("report", [noop("report")], { onAssets: "orders" });

test("an update outlives the process that wrote it: the next one makes its run, and only one", async () => {
  // An engine that carries out wishes and plans nothing: it dies before any run follows.
  const first = await engine([PRODUCER, CONSUMER], false);
  await first.ready;
  await start("orders_dag");
  await untilSo(async () => (await statesOf("orders_dag")).includes("success"));
  await first.stop();
  expect(await statesOf("report")).toEqual([]);
  expect(await rows("SELECT asset, updates FROM asset_queue")).toEqual([{ asset: "orders", updates: 1 }]);

  const second = await engine([PRODUCER, CONSUMER]);
  await untilSo(async () => (await statesOf("report")).includes("success"));
  await second.stop();
  const third = await engine([PRODUCER, CONSUMER]);
  await third.settled();
  expect(await statesOf("report")).toEqual(["success"]);
  expect(
    await rows(
      "SELECT run_type, logical_at, conf -> 'assets' -> 0 ->> 'task_id' AS task FROM dag_run WHERE dag_id = 'report'",
    ),
  ) //
    .toEqual([{ run_type: "asset_triggered", logical_at: null, task: "load" }]);
  expect(await rows("SELECT updates FROM asset_queue")).toEqual([{ updates: 0 }]);
});

test("somebody outside says that an asset is up to date; a name that no DAG uses is refused", async () => {
  await (
    await engine([PRODUCER, CONSUMER])
  ).ready;
  expect(await said({ kind: "emit_asset", asset: "order", extra: {}, by: "cli" })).toMatchObject({
    ok: false,
    code: "ASSET_NOT_FOUND",
    message: "no DAG produces or waits for the asset order; did you mean orders?",
  });
  expect(await said({ kind: "emit_asset", asset: "orders", extra: { rows: 3 }, by: "cli" })).toMatchObject({
    ok: true,
    value: { consumers: ["report"] },
  });
  await untilSo(async () => (await statesOf("report")).includes("success"));
  expect(await listAssetEvents(fleet.store, { asset: "orders" })).toMatchObject([
    { asset: "orders", dagId: null, by: "cli", extra: { rows: 3 } },
  ]);
  expect(await listAssets(fleet.store)).toMatchObject([
    {
      name: "orders",
      producers: [{ dagId: "orders_dag", taskId: "load" }],
      consumers: [{ dagId: "report", onAssets: "orders", updates: 0 }],
    },
  ]);
});

const ASK = dag("asks", [
  taskSpec("ask", { operator: "approval", with: { message: "Publish?", approvers: ["ana@example.com"] } }),
  noop("publish", { dependsOn: ["ask"] }),
]);
const verdict = (runId: string, decision: "approved" | "rejected", by: string): CommandBody => ({
  kind: "decide_approval",
  ...{ runId, taskId: "ask", mapIndex: -1, tryNumber: null, decision, note: "seen" },
  by,
});

test("an approval outlives the process that asked; exactly one decision counts, and the late one is told so", async () => {
  const first = await engine([ASK]);
  await first.ready;
  const runId = await start("asks");
  await untilSo(async () => (await waitingApprovals(fleet.store)).length === 1);
  await first.stop();
  expect(await rows("SELECT kind, receiver FROM outbox")).toEqual([
    { kind: "approval_needed", receiver: "ana@example.com" },
  ]);

  const second = await engine([ASK]);
  await second.ready;
  const answers = await Promise.all([said(verdict(runId, "approved", "ana")), said(verdict(runId, "rejected", "bob"))]);
  expect(answers.map(({ ok }) => ok).sort()).toEqual([false, true]);
  const late = answers.find((answer) => !answer.ok);
  expect(late).toMatchObject({ code: "APPROVAL_DECIDED" });
  await second.settled();
  expect(await waitingApprovals(fleet.store)).toEqual([]);
  // Long after its run has left memory.
  expect(await said(verdict(runId, "approved", "carl"))).toMatchObject({ ok: false, code: "APPROVAL_DECIDED" });
});

test("a decision that comes late is told so while the run goes on, whatever a person has made of its task", async () => {
  const asks = (taskId: string, more = {}) =>
    taskSpec(taskId, { operator: "approval", with: { message: "Publish?" }, ...more });
  const both = dag("both", [asks("ask"), asks("other"), asks("later", { dependsOn: ["other"] })]);
  const system = await engine([both]);
  await system.ready;
  const runId = await start("both");
  await untilSo(async () => (await waitingApprovals(fleet.store)).length === 2);
  expect(await said(verdict(runId, "approved", "ana"))).toMatchObject({ ok: true });
  expect(await said(verdict(runId, "rejected", "bob"))).toMatchObject({ code: "APPROVAL_DECIDED" });
  const wish = { tasks: [{ task: "ask", mapIndex: null }], withDownstream: false };
  expect(await said({ kind: "mark_tasks", runId, wish, state: "failed", by: "ana" })).toMatchObject({ ok: true });
  expect(await said(verdict(runId, "rejected", "bob"))).toMatchObject({ code: "APPROVAL_DECIDED" });
  const later = { ...verdict(runId, "approved", "bob"), taskId: "later" } as CommandBody;
  expect(await said(later)).toMatchObject({ code: "APPROVAL_NOT_FOUND" });
});

test("a rejection fails the task and says who and why", async () => {
  await (
    await engine([ASK])
  ).ready;
  const runId = await start("asks");
  await untilSo(async () => (await waitingApprovals(fleet.store)).length === 1);
  expect(await said({ ...verdict(runId, "rejected", "bob"), taskId: "publish" } as CommandBody)).toMatchObject({
    ok: false,
    code: "APPROVAL_NOT_FOUND",
  });
  expect(await said(verdict(runId, "rejected", "bob"))).toMatchObject({ ok: true });
  await untilSo(async () => (await statesOf("asks")).includes("failed"));
  expect(await rows("SELECT failure_code, failure_message FROM attempt")).toEqual([
    { failure_code: "APPROVAL_REJECTED", failure_message: "rejected by bob: seen" },
  ]);
});

test("a mail's link stands for its question until that is decided; only its hash is kept", async () => {
  await (
    await engine([ASK])
  ).ready;
  const runId = await start("asks");
  await untilSo(async () => (await waitingApprovals(fleet.store)).length === 1);
  const asked = { runId, taskNo: 1, mapIndex: -1, taskId: "ask", tryNumber: 1, message: "Publish?", until: null };
  const secret = await makeApprovalLink(fleet.store, asked, "ana@example.com");
  expect(await findApprovalLink(fleet.store, secret)).toMatchObject({
    receiver: "ana@example.com",
    message: "Publish?",
  });
  expect(await findApprovalLink(fleet.store, randomUUID())).toBeNull();
  expect(JSON.stringify(await rows("SELECT * FROM approval_link"))).not.toContain(secret);
  await said(verdict(runId, "approved", "ana"));
  expect(await findApprovalLink(fleet.store, secret)).toMatchObject({ message: null });
});

const CHILD = dag("child", [noop("work")]);
const parent = (params: JsonObject): DagSpec =>
  dag("parent", [taskSpec("run_child", { operator: "dag.trigger", with: { dag: "child", ...params } })]);

test("dag.trigger: a reply that is lost leaves one run, and the task follows it to its end", async () => {
  let lost = 1;
  const losing = (own: SubRuns): SubRuns => ({
    ...own,
    trigger: async (wish) => {
      const made = await own.trigger(wish);
      if (lost-- > 0) throw new Error("connection reset after the insert");
      return made;
    },
  });
  await (
    await engine([parent({}), CHILD], true, losing)
  ).ready;
  await start("parent");
  await untilSo(async () => (await statesOf("parent")).includes("success"));
  expect(lost).toBeLessThan(0);
  expect(await runsOf("child")).toMatchObject([{ state: "success", depth: 1 }]);
});

test("dag.trigger: the process that waits dies, and the next one waits for the same run", async () => {
  const slow = dag("child", [taskSpec("ask", { operator: "approval", with: { message: "?" } })]);
  const first = await engine([parent({}), slow]);
  await first.ready;
  await start("parent");
  await untilSo(async () => (await waitingApprovals(fleet.store)).length === 1);
  await first.stop();
  const second = await engine([parent({}), slow]);
  await second.ready;
  const [child] = await runsOf("child");
  await said({ ...verdict(child?.run_id ?? "", "approved", "ana") });
  await second.settled();
  expect([await statesOf("parent"), await statesOf("child")]).toEqual([["success"], ["success"]]);
});

test("dag.trigger: ending the task ends its run", async () => {
  const slow = dag("child", [taskSpec("ask", { operator: "approval", with: { message: "?" } })]);
  const running = await engine([parent({}), slow]);
  await running.ready;
  const runId = await start("parent");
  await untilSo(async () => (await waitingApprovals(fleet.store)).length === 1);
  await said({ kind: "cancel_run", runId, by: "ana" });
  await running.settled();
  expect([await statesOf("parent"), await statesOf("child")]).toEqual([["failed"], ["failed"]]);
});

test("dag.trigger: what cannot be made is refused in words", async () => {
  const running = await engine([parent({ dag: "nobody" })]);
  await running.ready;
  await start("parent");
  await running.settled();
  expect(await rows("SELECT failure_code, failure_message FROM attempt")).toEqual([
    { failure_code: "DAG_NOT_FOUND", failure_message: "there is no DAG nobody" },
  ]);
});

test("dag.trigger: runs that trigger one another end at five below the first", async () => {
  const tasks = [taskSpec("again", { operator: "dag.trigger", with: { dag: "loop", wait: false } })];
  const running = await engine([dag("loop", tasks, { maxActiveRuns: 10 })]);
  await running.ready;
  await start("loop");
  await running.settled();
  expect((await runsOf("loop")).map(({ depth, state }) => `${depth} ${state}`)).toEqual([
    "0 success",
    "1 success",
    "2 success",
    "3 success",
    "4 success",
    "5 failed",
  ]);
  expect(await rows("SELECT failure_code FROM attempt WHERE failure_code IS NOT NULL")).toEqual([
    { failure_code: "TRIGGER_DEPTH" },
  ]);
});
