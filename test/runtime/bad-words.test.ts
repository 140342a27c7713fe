import { expect, test } from "vitest";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";
import type { EngineDeps } from "../../engine/runtime/deps.ts";
import { listRuns } from "../../engine/store/read-models/runs.ts";
import { testHost } from "../operators/host.ts";
import { dagSpec, taskSpec } from "../scenario/scenario.ts";
import { fleetForEachTest, type Fleet } from "./harness.ts";

let fleet: Fleet;

fleetForEachTest((made) => (fleet = made));

const TEN_MEGABYTES = 10 * 1024 * 1024;
const NUL = String.fromCharCode(0);
const states = async (): Promise<string[]> => (await listRuns(fleet.store, {})).map((run) => run.state).sort();

/** Whatever the service says of a job of `taskId`, it says it with these words. */
const saying =
  (taskId: string, words: string) =>
  (deps: EngineDeps): EngineDeps => ({
    ...deps,
    operators: new Map([...deps.operators].map(([type, descriptor]) => [type, wordy(descriptor, taskId, words)])),
    operator: async (type) => {
      const descriptor = fleet.operators.get(type);
      if (!descriptor) throw new Error(`no operator ${type}`);
      return wordy(descriptor, taskId, words).load(testHost());
    },
  });

const wordy = (descriptor: OperatorDescriptor, taskId: string, words: string): OperatorDescriptor => ({
  ...descriptor,
  load: async (host) => {
    const operator = await descriptor.load(host);
    return {
      ...operator,
      observe: async (jobs, signal) => {
        const looks = await operator.observe(jobs, signal);
        return looks.map((look, index) =>
          jobs[index]?.context.taskId === taskId && look.kind === "succeeded"
            ? { kind: "failed", failure: { class: "permanent", code: "JOB_FAILED", message: words } }
            : look,
        );
      },
      logTail: async () => [words],
    };
  },
});

test("ten megabytes with NUL in a failure's words fail their task, cut, and the writer goes on with the next night", async () => {
  const words = `first${NUL}words ${"x".repeat(TEN_MEGABYTES)}`;
  const notify = [{ email: ["ana@example.com"], on: ["run_failed" as const] }];
  await fleet.engine({ ...dagSpec([taskSpec("bad"), taskSpec("good")]), notify }, saying("bad", words));
  await fleet.backfill(1, 2);
  await expect.poll(states).toEqual(["failed", "failed"]);
  const { rows } = await fleet.store.pool.query<{ message: string; lines: string[] }>(
    "SELECT failure_message AS message, log_tail AS lines FROM attempt WHERE state = 'failed'",
  );
  expect(rows).toHaveLength(2);
  for (const { message, lines } of rows) {
    expect(message).toMatch(/^first\uFFFDwords x+ … \(cut\)$/);
    expect(message.length).toBeLessThanOrEqual(8_000);
    expect(lines[0]?.length).toBeLessThanOrEqual(2_000);
  }
  const asides = await fleet.store.pool.query("SELECT FROM dag_run WHERE quarantine IS NOT NULL");
  expect(asides.rowCount).toBe(0);
  const good = await fleet.store.pool.query("SELECT FROM attempt WHERE state = 'succeeded'");
  expect(good.rowCount).toBe(2);
});

test("ten megabytes with NUL in what a task lacks fail it, cut, and the writer goes on", async () => {
  const message = `no such output ${NUL}${"y".repeat(TEN_MEGABYTES)}`;
  await fleet.engine(dagSpec([taskSpec("a")]), (deps) => ({
    ...deps,
    prepare: () => ({ kind: "refused", failure: { class: "permanent", code: "FOR_EACH_INVALID", message } }),
  }));
  await fleet.backfill(1, 2);
  await expect.poll(states).toEqual(["failed", "failed"]);
  const { rows } = await fleet.store.pool.query<{ code: string; message: string }>(
    "SELECT failure_code AS code, failure_message AS message FROM attempt",
  );
  expect(rows.map(({ code }) => code)).toEqual(["FOR_EACH_INVALID", "FOR_EACH_INVALID"]);
  for (const row of rows) expect(row.message.length).toBeLessThanOrEqual(8_000);
});
