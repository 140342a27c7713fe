import { expect, test } from "vitest";
import { commandResult, enqueue } from "../../engine/store/inbox.ts";
import { listRuns } from "../../engine/store/read-models/runs.ts";
import { dagSpec, taskSpec } from "../scenario/scenario.ts";
import { fleetForEachTest, loaded, type Fleet } from "./harness.ts";

let fleet: Fleet;

fleetForEachTest((made) => (fleet = made));

const states = async (): Promise<string[]> => (await listRuns(fleet.store, {})).map((run) => run.state);
const taskStates = async (): Promise<string[]> => {
  const { rows } = await fleet.store.pool.query<{ state: string }>("SELECT state FROM task_instance ORDER BY task_no");
  return rows.map(({ state }) => state);
};

test("a run at work that is put on the latest version goes on with the tries its tasks wait for, and begins what is new", async () => {
  fleet.service.failures.set("extract", 1);
  fleet.service.failures.set("load", 1);
  const extract = taskSpec("extract", { retries: 1, retryDelayMs: 2_000 });
  const engine = await fleet.engine(dagSpec([extract, taskSpec("load")]));
  await fleet.backfill(1, 1);
  await expect.poll(taskStates).toEqual(["up_for_retry", "failed"]);
  const [run] = await listRuns(fleet.store, {});
  engine.publish({ dags: [loaded(dagSpec([extract, taskSpec("load"), taskSpec("report")]))], gone: [] });
  const wish = { tasks: [{ task: "load", mapIndex: null }] };
  const id = await enqueue(fleet.store, {
    ...{ kind: "clear_tasks", runId: run?.runId ?? "", wish, onLatest: true },
    ...{ by: "cli:ana", from: "desk" },
  });
  await expect.poll(() => commandResult(fleet.store, id)).toMatchObject({ ok: true });
  expect(await taskStates()).toContain("up_for_retry");
  await expect.poll(states).toEqual(["success"]);
  expect(await taskStates()).toEqual(["success", "success", "success"]);
});
