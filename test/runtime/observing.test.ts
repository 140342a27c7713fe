import { expect, test } from "vitest";
import type { AnyOperator, Observed, OperatorDescriptor } from "../../engine/core/operator.ts";
import type { EngineDeps } from "../../engine/runtime/deps.ts";
import { enqueue } from "../../engine/store/inbox.ts";
import { listRuns } from "../../engine/store/read-models/runs.ts";
import { testHost } from "../operators/host.ts";
import { dagSpec, taskSpec } from "../scenario/scenario.ts";
import { fleetForEachTest, SETTINGS, type Fleet } from "./harness.ts";

let fleet: Fleet;

fleetForEachTest((made) => (fleet = made));

const states = async (): Promise<string[]> => (await listRuns(fleet.store, {})).map((run) => run.state);

/** The fleet's operators, changed. */
const operated =
  (change: (operator: AnyOperator) => AnyOperator, more: Partial<OperatorDescriptor> = {}) =>
  (deps: EngineDeps): EngineDeps => ({
    ...deps,
    settings: { ...SETTINGS, repeatMs: 20 },
    operators: new Map([...deps.operators].map(([type, descriptor]) => [type, { ...descriptor, ...more }])),
    operator: async (type) => {
      const descriptor = fleet.operators.get(type);
      if (!descriptor) throw new Error(`no operator ${type}`);
      return change(await descriptor.load(testHost()));
    },
  });

const taskIds = (count: number): string[] => Array.from({ length: count }, (_, index) => `t${index}`);

test("rule 23: a job that is asked to stop while a look at it is under way is looked at again", async () => {
  fleet.service.held.add("extract");
  let cancels = 0;
  let looks = 0;
  // Two cancels lie further apart than the look that the first one wants: that has come due meanwhile.
  const cancelledTwice = async (): Promise<void> => {
    await expect.poll(() => cancels).toBeGreaterThan(1);
  };
  const slow = (operator: AnyOperator): AnyOperator => ({
    ...operator,
    async observe(jobs, signal) {
      const seen = await operator.observe(jobs, signal);
      if (++looks === 1) await cancelledTwice();
      return seen;
    },
    async cancel(ref, context) {
      await operator.cancel(ref, context);
      cancels++;
    },
  });
  await fleet.engine(dagSpec([taskSpec("extract")]), operated(slow));
  await fleet.backfill(1, 1);
  await expect.poll(() => looks).toBe(1);
  const [run] = await listRuns(fleet.store, {});
  await enqueue(fleet.store, { kind: "cancel_run", runId: run?.runId ?? "", by: "test" });
  await expect.poll(states).toEqual(["failed"]);
});

test("rule 20: one that cannot be looked at hides nobody, and only those asked about with it are looked at alone", async () => {
  const batches: string[][] = [];
  const poisoned = (operator: AnyOperator): AnyOperator => ({
    ...operator,
    async observe(jobs: readonly Observed[], signal) {
      const ids = jobs.map(({ context }) => context.taskId);
      batches.push(ids);
      if (ids.includes("t0")) throw new Error("t0 cannot be looked at");
      return operator.observe(jobs, signal);
    },
  });
  await fleet.engine(dagSpec(taskIds(40).map((taskId) => taskSpec(taskId))), operated(poisoned));
  await fleet.backfill(1, 1);
  const succeeded = async (): Promise<number> =>
    (await fleet.store.pool.query("SELECT FROM attempt WHERE state = 'succeeded'")).rowCount ?? 0;
  await expect.poll(succeeded).toBe(39);
  const withPoison = new Set(batches.find((ids) => ids.includes("t0")));
  const alone = batches.filter((ids) => ids.length === 1).flat();
  const unlucky = alone.filter((id) => withPoison.has(id));
  expect(new Set(unlucky).size).toBe(withPoison.size);
});

test("rule 21: what one call shows is looked at by one call, also when it was begun apart", async () => {
  const looked: number[] = [];
  fleet.service.held.add("a").add("b");
  const counted = (operator: AnyOperator): AnyOperator => ({
    ...operator,
    async observe(jobs: readonly Observed[], signal) {
      looked.push(jobs.length);
      return operator.observe(jobs, signal);
    },
    submit: async (params, context) => {
      // The second is begun when the first is looked at already.
      if (context.taskId === "b") await expect.poll(() => looked.length).toBeGreaterThan(2);
      return operator.submit(params, context);
    },
  });
  await fleet.engine(dagSpec([taskSpec("a"), taskSpec("b")]), operated(counted, { shownTogether: () => "" }));
  await fleet.backfill(1, 1);
  await expect.poll(() => looked.slice(-5)).toEqual([2, 2, 2, 2, 2]);
  fleet.service.held.clear();
  await expect.poll(states).toEqual(["success"]);
});
