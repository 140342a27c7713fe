import { afterEach, beforeEach, expect, test } from "vitest";
import { enqueue } from "../../engine/store/inbox.ts";
import { listRuns } from "../../engine/store/read-models/runs.ts";
import { dagSpec, taskSpec } from "../scenario/scenario.ts";
import { testDatabase, type TestDatabase } from "../setup/postgres.ts";
import { Fleet } from "./harness.ts";

let database: TestDatabase;
let fleet: Fleet;

beforeEach(async () => {
  database = await testDatabase();
  fleet = await Fleet.create(database.url);
});
afterEach(async () => {
  await fleet.close();
  await database.drop();
});

const wait = { timeout: 20_000, interval: 20 };

test("rule 17: the next process ends a job whose request arrived when its cancelled attempt and its run were over", async () => {
  const dag = dagSpec([taskSpec("extract")]);
  fleet.service.mishaps.set("extract", ["never_arrives"]);
  fleet.service.held.add("extract");
  const first = await fleet.engine(dag);
  await fleet.backfill(1, 1);
  await expect.poll(() => fleet.service.submits, wait).toBe(1);
  const [run] = await listRuns(fleet.store, {});
  await enqueue(fleet.store, { kind: "cancel_run", runId: run?.runId ?? "", by: "test" });
  await expect.poll(async () => (await listRuns(fleet.store, {}))[0]?.state, wait).toBe("failed");
  await first.stop();
  expect(fleet.service.jobs).toEqual([]);

  // Sixteen minutes later.
  const late = await fleet.store.pool.query<{ launch_key: string }>(
    "UPDATE attempt SET search_at = now(), send_by = now() - interval '16 minutes' WHERE search_at IS NOT NULL RETURNING launch_key",
  );
  const launchKey = late.rows[0]?.launch_key ?? "";
  fleet.service.jobs.push({ id: "job-late", launchKey, taskId: "extract", state: "running" });
  await fleet.engine(dag);
  const attempts = async (): Promise<object[]> =>
    (await fleet.store.pool.query<object>("SELECT state, ref, search_at, duplicates, failure_code FROM attempt")).rows;
  const ended = { state: "failed", ref: "job-late", search_at: null, duplicates: null, failure_code: "CANCELLED" };
  await expect.poll(attempts, wait).toEqual([ended]);
  expect(fleet.service.jobs.map(({ state }) => state)).toEqual(["stopped"]);
  const { rows } = await fleet.store.pool.query(
    "SELECT FROM state_history WHERE why LIKE 'DUPLICATE_LAUNCH%job-late%'",
  );
  expect(rows).toHaveLength(1);
  expect(fleet.errors).toEqual([]);
});
