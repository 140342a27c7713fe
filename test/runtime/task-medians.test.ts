import { afterEach, beforeEach, expect, test } from "vitest";
import { TaskMedians } from "../../engine/runtime/task-medians.ts";
import { migrate } from "../../engine/store/migrate.ts";
import { openStore, type Store } from "../../engine/store/open.ts";
import { taskDurations } from "../../engine/store/task-durations.ts";
import { testDatabase, type TestDatabase } from "../setup/postgres.ts";
import { writeHistory } from "../store/history.ts";

const LOAD = { dagId: "nightly", taskNo: 1 };
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const wait = { timeout: 20_000, interval: 20 };

let database: TestDatabase;
let store: Store;

beforeEach(async () => {
  database = await testDatabase();
  store = await openStore({ databaseUrl: database.url, fleet: "nocturne", applicationName: "test" });
  await migrate(store);
  // The n-th night took n seconds.
  await writeHistory(store, { at: Date.UTC(2026, 0, 15), runs: 30 });
  await store.pool.query(
    `UPDATE attempt SET ended_at = submitted_at + nth * interval '1 second'
     FROM (SELECT run_id, row_number() OVER (ORDER BY run_id) AS nth FROM dag_run) AS run
     WHERE run.run_id = attempt.run_id`,
  );
});
afterEach(async () => {
  await store.close();
  await database.drop();
});

test("the last twenty runs say how long a task takes; attempts that failed do not", async () => {
  await store.pool.query(
    `UPDATE attempt SET state = 'failed', failure_class = 'permanent', failure_code = 'JOB_FAILED', failure_message = ''
     WHERE ended_at = submitted_at + interval '30 seconds'`,
  );
  const durations = await taskDurations(store, [{ ...LOAD, taskNo: 9 }, LOAD]);
  expect(durations).toEqual([[], Array.from({ length: 19 }, (_, back) => (29 - back) * 1_000)]);
});

test("rule 21: what a task takes as a rule is read once and follows its successes", async () => {
  const medians = new TaskMedians({ store, log: silent });
  medians.succeeded(LOAD, 1);
  expect(medians.of(LOAD)).toBeNull();
  await expect.poll(() => medians.of(LOAD), wait).toBe(20_000);
  await store.pool.query("UPDATE attempt SET ended_at = submitted_at");
  for (let night = 0; night < 20; night++) medians.succeeded(LOAD, 90_000);
  expect(medians.of(LOAD)).toBe(90_000);
});

test("what could not be read is asked for again", async () => {
  const lost: string[] = [];
  const gone = await openStore({ databaseUrl: database.url, fleet: "nocturne", applicationName: "test" });
  await gone.close();
  const given = { store: gone, log: { ...silent, info: (_: object, message: string) => void lost.push(message) } };
  const medians = new TaskMedians(given);
  medians.of(LOAD);
  await expect.poll(() => lost.length, wait).toBe(1);
  given.store = store;
  await expect.poll(() => medians.of(LOAD), wait).toBe(20_000);
});
