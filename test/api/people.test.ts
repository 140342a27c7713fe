import { beforeAll, describe, expect, it } from "vitest";
import type { Command, CommandResult } from "../../engine/core/commands.ts";
import { pendingCommands } from "../../engine/store/inbox.ts";
import { AT, FROZEN, attempt, run, task } from "../store/batches.ts";
import { untilSo } from "../setup/until.ts";
import { mistakesOf, publication, serviceOfThisFile, type Item } from "./service.ts";

const nightly = publication("nightly");
const service = serviceOfThisFile([nightly]);
const night = run(nightly, {
  runId: "01900000-0000-7000-8000-000000000001",
  dagRunId: "manual__a",
  runType: "manual",
  state: "failed",
  startedAt: AT,
  endedAt: AT + 60_000,
});
const extract = task(night, 1, { state: "success", tryNumber: 1, startedAt: AT, endedAt: AT });
const load = task(night, 2, { state: "failed", tryNumber: 1, startedAt: AT, endedAt: AT });

beforeAll(async () => {
  const failure = { class: "permanent", code: "JOB_FAILED", message: "exit 1" } as const;
  await service.writer.write({
    runsCreated: [night],
    tasksCreated: [extract, load],
    frozenParams: [FROZEN],
    attemptsCreated: [attempt(load, { state: "failed", endedAt: AT, ref: "jr_1", failure })],
    notes: [{ runId: night.runId, taskNo: 1, mapIndex: -1, note: "half a day" }],
  });
});

const RUN = "/api/v2/dags/nightly/dagRuns/manual__a";
const clear = (body: Item) => service.call("POST", "/api/v2/dags/nightly/clearTaskInstances", { body });

/** What the writer does with the next wish. */
async function writerAnswers(result: CommandResult = { ok: true, value: {} }): Promise<Command["body"]> {
  let command: Command | undefined;
  await untilSo(async () => {
    [command] = await pendingCommands(service.store);
    return command !== undefined;
  });
  if (!command) throw new Error("no wish");
  await service.writer.write({ commandsApplied: [{ id: command.id, result }] });
  return command.body;
}

const namesOf = (body: Item): unknown[] => (body["task_instances"] as Item[]).map((item) => item["task_id"]);

describe("POST clearTaskInstances", () => {
  it("says by default only what it would clear, and nobody is asked", async () => {
    const answer = await clear({ dag_run_id: "manual__a" });
    expect(answer.status).toBe(200);
    expect(namesOf(answer.body)).toEqual(["load"]);
    expect(await pendingCommands(service.store)).toEqual([]);
  });

  it("takes tasks by id, with upstreams, whatever their state when only_failed is false", async () => {
    const all = await clear({ dag_run_id: "manual__a", only_failed: false });
    expect(namesOf(all.body)).toEqual(["extract", "load"]);
    const one = await clear({ dag_run_id: "manual__a", only_failed: false, task_ids: ["extract"] });
    expect(one.body).toMatchObject({ total_entries: 1, task_instances: [{ task_id: "extract", note: "half a day" }] });
  });

  it("is a wish that the writer carries out, with who and from where", async () => {
    const [answer, body] = await Promise.all([clear({ dag_run_id: "manual__a", dry_run: false }), writerAnswers()]);
    expect(answer.status).toBe(200);
    expect(body).toMatchObject({ kind: "clear_tasks", runId: night.runId, wish: { tasks: null, onlyFailed: true } });
    expect(body.by).toMatch(/^rest_api:tok_/);
    expect(body.from).toBe("127.0.0.1");
  });

  it("that the writer refuses says why", async () => {
    const refusal = { ok: false, code: "ACTION_REFUSED", message: "drop is tearing down what make made" } as const;
    const [answer] = await Promise.all([clear({ dag_run_id: "manual__a", dry_run: false }), writerAnswers(refusal)]);
    expect(answer).toMatchObject({ status: 409, body: { code: "ACTION_REFUSED", detail: refusal.message } });
  });

  it("of a task or a run that is not there is 404, with the nearest name", async () => {
    const answer = await clear({ dag_run_id: "manual__a", task_ids: ["lod"] });
    expect(answer).toMatchObject({ status: 404, body: { code: "TASK_NOT_FOUND" } });
    expect(answer.body["detail"]).toContain("did you mean load?");
    expect((await clear({ dag_run_id: "nothing" })).status).toBe(404);
  });

  it("without a run names the field", async () => {
    const answer = await clear({});
    expect(answer.status).toBe(422);
    expect(mistakesOf(answer)[0]?.loc).toEqual(["body", "dag_run_id"]);
  });
});

describe("PATCH of a task instance", () => {
  it("marks it and writes its note", async () => {
    const path = `${RUN}/taskInstances/load`;
    const [answer, first] = await Promise.all([
      service.call("PATCH", path, { body: { new_state: "success" } }),
      writerAnswers(),
    ]);
    expect(answer).toMatchObject({ status: 200, body: { total_entries: 1 } });
    expect(first).toMatchObject({
      kind: "mark_tasks",
      state: "success",
      wish: { tasks: [{ task: "load", mapIndex: null }] },
    });
    const [, second] = await Promise.all([service.call("PATCH", path, { body: { note: "seen" } }), writerAnswers()]);
    expect(second).toMatchObject({ kind: "note_task", taskId: "load", mapIndex: -1, note: "seen" });
  });

  it("with update_mask does only what that names, and refuses a mask of what is not there", async () => {
    const path = `${RUN}/taskInstances/load`;
    const body = { new_state: "success", note: "masked" };
    const [, wish] = await Promise.all([service.call("PATCH", `${path}?update_mask=note`, { body }), writerAnswers()]);
    expect(wish).toMatchObject({ kind: "note_task", note: "masked" });
    expect(await pendingCommands(service.store)).toEqual([]);
    expect((await service.call("PATCH", `${RUN}?update_mask=conf`, { body: { note: "x" } })).status).toBe(422);
  });

  it("refuses a state that nobody can mark, and an instance that is not there", async () => {
    expect((await service.call("PATCH", `${RUN}/taskInstances/load`, { body: { new_state: "running" } })).status).toBe(
      422,
    );
    expect((await service.call("PATCH", `${RUN}/taskInstances/load/3`, { body: { note: "x" } })).status).toBe(422);
  });
});

describe("PATCH and clear of a run", () => {
  it("marks it; queued begins it anew", async () => {
    const [, mark] = await Promise.all([service.call("PATCH", RUN, { body: { state: "success" } }), writerAnswers()]);
    expect(mark).toMatchObject({ kind: "mark_run", state: "success" });
    const [, again] = await Promise.all([service.call("PATCH", RUN, { body: { state: "queued" } }), writerAnswers()]);
    expect(again).toMatchObject({ kind: "clear_tasks", wish: { tasks: null } });
  });

  it("writes its note, and takes it away", async () => {
    const [, wish] = await Promise.all([service.call("PATCH", RUN, { body: { note: null } }), writerAnswers()]);
    expect(wish).toMatchObject({ kind: "note_run", note: null });
  });

  it("clear answers task instances when it only looks, and the run when it was done", async () => {
    const look = await service.call("POST", `${RUN}/clear`, { body: {} });
    expect(namesOf(look.body)).toEqual(["extract", "load"]);
    const [done] = await Promise.all([
      service.call("POST", `${RUN}/clear`, { body: { dry_run: false } }),
      writerAnswers(),
    ]);
    expect(done).toMatchObject({ status: 200, body: { dag_run_id: "manual__a" } });
  });
});

it("viewers may look at the audit log but change nothing", async () => {
  const token = await service.tokenOf("viewer");
  expect((await service.call("PATCH", RUN, { body: { note: "x" }, token })).status).toBe(403);
  expect((await service.call("GET", "/api/v2/eventLogs", { token })).status).toBe(200);
});

it("GET eventLogs has what people did, by DAG, run and action", async () => {
  await service.trigger("nightly", { logical_date: null, dag_run_id: "manual__told" });
  const { body } = await service.call("GET", "/api/v2/eventLogs?dag_id=nightly&event=trigger_run");
  expect(body).toMatchObject({
    total_entries: 1,
    event_logs: [
      {
        event: "trigger_run",
        dag_id: "nightly",
        run_id: "manual__told",
        owner: expect.stringMatching(/^rest_api:tok_/) as string,
      },
    ],
  });
  const tokens = await service.call("GET", "/api/v2/eventLogs?event=create_token");
  expect(tokens.body.total_entries).toBeGreaterThan(0);
  const ofOthers = await service.tokenOf("viewer", ["sales_*"]);
  const hidden = await service.call("GET", "/api/v2/eventLogs", { token: ofOthers });
  expect(hidden.body.total_entries).toBe(0);
});
