import { expect, test } from "vitest";
import type { CommandResult } from "../../engine/core/commands.ts";
import type { VariableWish } from "../../engine/core/variables.ts";
import { prepareTask } from "../../engine/dagfile/prepare.ts";
import { renderText } from "../../engine/dagfile/render-text.ts";
import type { EngineDeps } from "../../engine/runtime/deps.ts";
import { auditPage } from "../../engine/store/read-models/audit.ts";
import { commandResult, enqueue } from "../../engine/store/inbox.ts";
import { listVariables } from "../../engine/store/read-models/variables.ts";
import { dagSpec, taskSpec } from "../scenario/scenario.ts";
import { fleetForEachTest, type Fleet } from "./harness.ts";

let fleet: Fleet;

fleetForEachTest((made) => (fleet = made));

/** Renders as the composition root does. */
const rendering = (deps: EngineDeps): EngineDeps => ({
  ...deps,
  prepare: (request) => {
    const descriptor = fleet.operators.get(request.task.operator);
    if (!descriptor) throw new Error("no such operator");
    return prepareTask({ ...request, ...request.mapped, conf: request.run.conf, local: false, descriptor });
  },
  concurrencyKey: (spec, run, template, vars) => {
    const rendered = renderText(template, { spec, run, conf: run.conf, vars, local: false });
    if (!rendered.ok) throw new Error(rendered.failure.message);
    return rendered.text;
  },
});

const reads = (text: string) => dagSpec([taskSpec("load", { with: { job: text } })]);

async function set(wish: VariableWish): Promise<CommandResult> {
  const id = await enqueue(fleet.store, { kind: "set_variable", ...wish, by: "cli:ana" });
  await expect.poll(() => commandResult(fleet.store, id)).not.toBeNull();
  return (await commandResult(fleet.store, id)) as CommandResult;
}

/** What each launch was sent, by logical date and number of the launch. */
async function sent(): Promise<unknown[]> {
  const { rows } = await fleet.store.pool.query<{ job: unknown }>(
    `SELECT params -> 'job' AS job FROM attempt JOIN frozen_params ON hash = params_hash JOIN dag_run USING (run_id)
     ORDER BY logical_at, task_no, map_index, try_number`,
  );
  return rows.map(({ job }) => job);
}

async function failures(): Promise<string[]> {
  const { rows } = await fleet.store.pool.query<{ code: string; message: string }>(
    "SELECT failure_code AS code, failure_message AS message FROM attempt WHERE failure_code IS NOT NULL",
  );
  return rows.map(({ code, message }) => `${code} ${message}`);
}

test("vars: a value that changes between two runs is seen by the second, with its type", async () => {
  const engine = await fleet.engine(reads("{{ vars.region }}"), rendering);
  await engine.ready;
  expect(await set({ name: "region", value: "eu" })).toEqual({ ok: true, value: { key: "region", existed: false } });
  await fleet.backfill(1, 1);
  await engine.settled();
  await set({ name: "region", value: { name: "us", zones: [1, 2] } });
  await fleet.backfill(2, 2);
  await engine.settled();
  expect(await sent()).toEqual(["eu", { name: "us", zones: [1, 2] }]);
});

test("vars: the next writer knows them from the database", async () => {
  const first = await fleet.engine(reads("{{ vars.region }}-{{ vars.days }}"), rendering);
  await first.ready;
  await set({ name: "region", value: "eu", description: "where" });
  await set({ name: "days", value: 7 });
  await first.stop();
  const next = await fleet.engine(reads("{{ vars.region }}-{{ vars.days }}"), rendering);
  await fleet.backfill(1, 1);
  await next.settled();
  expect(await sent()).toEqual(["eu-7"]);
  await set({ name: "region", value: "us" });
  expect(await listVariables(fleet.store)).toMatchObject([
    { name: "days", value: 7, description: null },
    { name: "region", value: "us", description: "where" },
  ]);
});

test("vars: one that was deleted fails the task with TEMPLATE_FAILED, and the message names it", async () => {
  const engine = await fleet.engine(reads("{{ vars.region }}"), rendering);
  await engine.ready;
  await set({ name: "region", value: "eu" });
  expect(await set({ name: "region", value: null })).toEqual({ ok: true, value: { key: "region", existed: true } });
  expect(await listVariables(fleet.store)).toEqual([]);
  await fleet.backfill(1, 1);
  await engine.settled();
  expect(fleet.service.jobs).toEqual([]);
  expect(await failures()).toEqual([expect.stringMatching(/TEMPLATE_FAILED.*vars\.region/)]);
});

test("vars: when, for_each with its labels and concurrency_key read them, too", async () => {
  const forEach = { items: "{{ vars.stores }}", maxParallel: null, label: "{{ vars.region }}/{{ item }}" };
  const tasks = [
    taskSpec("each", { forEach, with: { job: "{{ item }}" } }),
    taskSpec("never", { when: "{{ vars.isOn }}", with: { job: "never" } }),
  ];
  const concurrencyKey = { key: "{{ vars.region }}", onConflict: "queue" as const };
  const engine = await fleet.engine({ ...dagSpec(tasks), concurrencyKey }, rendering);
  await engine.ready;
  await set({ name: "stores", value: ["a", "b"] });
  await set({ name: "region", value: "eu" });
  await set({ name: "isOn", value: false });
  await fleet.backfill(1, 1);
  await engine.settled();
  expect(await sent()).toEqual(["a", "b"]);
  const { rows } = await fleet.store.pool.query(
    "SELECT concurrency_key, labels FROM dag_run JOIN expansion USING (run_id)",
  );
  expect(rows).toEqual([{ concurrency_key: "eu", labels: ["eu/a", "eu/b"] }]);
});

test("vars: what makes no sense is refused with a sentence, and every wish is in the audit log", async () => {
  const engine = await fleet.engine(reads("x"), rendering);
  await engine.ready;
  await set({ name: "region", value: "eu" });
  const refusal = async (wish: VariableWish) => {
    const result = await set(wish);
    return result.ok ? null : `${result.code} ${result.message}`;
  };
  expect(await refusal({ name: "regoin", value: null })).toBe(
    "VARIABLE_NOT_FOUND there is no variable regoin; did you mean region?",
  );
  expect(await refusal({ name: "region", value: "us", onlyIf: "new" })).toContain("ACTION_REFUSED");
  expect(await refusal({ name: "other", value: "us", onlyIf: "known" })).toContain("VARIABLE_NOT_FOUND");
  expect(await refusal({ name: "a-b", value: 1 })).toContain("ACTION_INVALID");
  expect(await refusal({ name: "big", value: "x".repeat(70_000) })).toContain("ACTION_INVALID big: the value has");
  expect(await listVariables(fleet.store)).toMatchObject([{ name: "region", value: "eu" }]);
  const { rows } = await auditPage(fleet.store, { limit: 100, offset: 0, orderBy: [], visible: ["*"] });
  expect(rows.map(({ action, by, result }) => `${action} ${by} ${result}`)).toEqual([
    "set_variable cli:ana done",
    "set_variable cli:ana VARIABLE_NOT_FOUND",
    "set_variable cli:ana ACTION_REFUSED",
    "set_variable cli:ana VARIABLE_NOT_FOUND",
    "set_variable cli:ana ACTION_INVALID",
    "set_variable cli:ana ACTION_INVALID",
  ]);
  expect(rows[0]?.details).toMatchObject({ name: "region", value: "eu" });
});

test("prev_success: the last run before this one that ended in success, by logical date; none at first", async () => {
  const spec = reads("{{ prev_success.ds | default: 'none' }}");
  const engine = await fleet.engine({ ...spec, maxActiveRuns: 1 }, rendering);
  await fleet.backfill(1, 2, 1);
  await engine.settled();
  fleet.service.failures.set("load", 1);
  await fleet.backfill(3, 3);
  await engine.settled();
  await fleet.backfill(5, 5);
  await engine.settled();
  // Later by the clock, earlier by date: the 5th does not come before it, and the 3rd has failed.
  await fleet.backfill(4, 4);
  await engine.settled();
  expect(await sent()).toEqual(["none", "2026-03-01", "2026-03-02", "2026-03-02", "2026-03-02"]);
});

test("prev_success: read once for a run, and again by the next writer", async () => {
  const text = "{{ prev_success.ds | default: 'none' }}";
  const job = { job: text };
  const tasks = [taskSpec("first", { with: job }), taskSpec("second", { dependsOn: ["first"], with: job })];
  const first = await fleet.engine(dagSpec(tasks), rendering);
  await fleet.backfill(2, 2);
  await first.settled();
  fleet.service.held.add("first");
  await fleet.backfill(3, 3);
  await expect.poll(() => fleet.service.jobsOf("first").length).toBe(2);
  await first.stop();
  fleet.service.held.clear();
  const next = await fleet.engine(dagSpec(tasks), rendering);
  await next.settled();
  expect(await sent()).toEqual(["none", "none", "2026-03-02", "2026-03-02"]);
});

test("prev_success: a run that is made again looks anew", async () => {
  const engine = await fleet.engine(reads("{{ prev_success.ds | default: 'none' }}"), rendering);
  for (const day of [2, 1]) {
    await fleet.backfill(day, day);
    await engine.settled();
  }
  expect(await sent()).toEqual(["none", "none"]);
  await fleet.backfill(2, 2, 1, "completed");
  await engine.settled();
  expect(await sent()).toEqual(["none", "none", "2026-03-01"]);
});
