import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Json } from "../../engine/core/json.ts";
import type { PrepareRequest } from "../../engine/runtime/deps.ts";
import { dagSpec, taskSpec } from "../scenario/scenario.ts";
import { fleetForEachTest, type Fleet } from "./harness.ts";

let fleet: Fleet;

fleetForEachTest((made) => (fleet = made));

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** A mapped task and one that sums up what its instances answered. */
const mapped = (items: Json) =>
  dagSpec([
    taskSpec("load", { forEach: { items, maxParallel: null, label: null } }),
    taskSpec("sum", { dependsOn: ["load"], with: { loaded: "{{ tasks.load.output }}" } }),
  ]);

/** Renders as the real one does: the whole is mapped over its items, an instance has its item. */
const prepare = (requests: PrepareRequest[]) => (request: PrepareRequest) => {
  requests.push(request);
  const { task, mapped: instance } = request;
  const items = request.list ?? task.forEach?.items;
  if (task.forEach && instance === null) {
    return typeof items === "string"
      ? ({ kind: "listed", uri: items } as const)
      : ({ kind: "mapped", items: items as Json[], labels: null } as const);
  }
  return { kind: "ready", params: { task: task.taskId }, hash: `${task.taskId}` } as const;
};

const count = async (sql: string): Promise<number> =>
  (await fleet.store.pool.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${sql}`)).rows[0]?.count ?? -1;

test("a mapped task starts one job for each item, and what follows sees their outputs in the order of the items", async () => {
  const requests: PrepareRequest[] = [];
  const engine = await fleet.engine(mapped(["a", "b", "c"]), (deps) => ({ ...deps, prepare: prepare(requests) }));
  await fleet.backfill(1, 1);
  await engine.settled();
  expect(fleet.service.jobsOf("load")).toHaveLength(3);
  const instances = requests.filter(({ mapped }) => mapped !== null).map(({ mapped }) => mapped);
  expect(instances.map((each) => each?.item).sort()).toEqual(["a", "b", "c"]);
  const outputs = requests.find(({ task }) => task.taskId === "sum")?.outputs["load"] as { id: string }[];
  expect(outputs).toHaveLength(3);
  expect(await count("dag_run WHERE state = 'success'")).toBe(1);
});

test("rule 6: a writer that dies while instances are made is replaced by one that makes the rest, one job for each", async () => {
  fleet.service.held.add("load");
  const options = { prepare: prepare([]) };
  const first = await fleet.engine(mapped(numbers(500)), (deps) => ({ ...deps, ...options }));
  await fleet.backfill(1, 1);
  while ((await count("task_instance WHERE map_index >= 0")) === 0) await delay(2);
  await fleet.store.pool.query("UPDATE writer SET epoch = epoch + 1, owner = 'nobody', expires_at = '-infinity'");
  await first.stop();
  fleet.service.held.clear();
  const next = await fleet.engine(mapped(numbers(500)), (deps) => ({ ...deps, ...options }));
  await next.settled();
  expect(await count("task_instance WHERE map_index >= 0 AND state = 'success'")).toBe(500);
  expect(fleet.service.jobsOf("load")).toHaveLength(500);
});

test("a list that lies elsewhere is read once and then mapped over", async () => {
  const reads: string[] = [];
  const engine = await fleet.engine(mapped("s3://acme/list.json"), (deps) => ({
    ...deps,
    prepare: prepare([]),
    readList: async (uri) => {
      reads.push(uri);
      return [1, 2];
    },
  }));
  await fleet.backfill(1, 1);
  await engine.settled();
  expect(reads).toEqual(["s3://acme/list.json"]);
  expect(fleet.service.jobsOf("load")).toHaveLength(2);
});

test("a list that cannot be read fails the task with its address, and the writer goes on", async () => {
  const engine = await fleet.engine(mapped("s3://acme/none.json"), (deps) => ({
    ...deps,
    prepare: prepare([]),
    readList: () => Promise.reject(new Error("NoSuchKey")),
  }));
  await fleet.backfill(1, 2);
  await engine.settled();
  const { rows } = await fleet.store.pool.query("SELECT DISTINCT failure_code, failure_message FROM attempt");
  expect(rows).toEqual([{ failure_code: "FOR_EACH_INVALID", failure_message: "s3://acme/none.json: NoSuchKey" }]);
  expect(await count("dag_run WHERE state = 'failed'")).toBe(2);
});

test("two thousand items are two thousand instances, made a few hundred rows at a time", async () => {
  const engine = await fleet.engine(mapped(numbers(2_000)), (deps) => ({ ...deps, prepare: prepare([]) }));
  await fleet.backfill(1, 1);
  await engine.settled();
  expect(await count("task_instance WHERE map_index >= 0 AND state = 'success'")).toBe(2_000);
});
