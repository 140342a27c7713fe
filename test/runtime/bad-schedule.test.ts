import { expect, test } from "vitest";
import { SCHEDULE_DEFAULTS, type DagSpec } from "../../engine/core/dag.ts";
import { dagSpec, taskSpec } from "../scenario/specs.ts";
import { fleetForEachTest, loaded, type Fleet } from "./harness.ts";

let fleet: Fleet;

fleetForEachTest((made) => (fleet = made));

const scheduled = (dagId: string, cron: string): DagSpec => ({
  ...dagSpec([taskSpec("a", { operator: "find" })]),
  dagId,
  schedule: { ...SCHEDULE_DEFAULTS, cron: [cron], timezone: "UTC", catchup: false },
  startAt: Date.UTC(2026, 0, 1),
});

test("rule 7: a schedule that cannot be planned is told of, and the other DAGs have their nights", async () => {
  const [bad, good] = [scheduled("bad", "61 25 * * *"), scheduled("good", "0 2 * * *")];
  await fleet.engine(good, (deps) => ({ ...deps, plans: true, dags: [loaded(bad), loaded(good)] }));
  for (;;) {
    const { rows } = await fleet.store.pool.query<{ dag_id: string }>(
      "SELECT dag_id FROM dag_run WHERE state = 'success'",
    );
    if (rows.some((row) => row.dag_id === "good")) break;
  }
  expect(fleet.errors.filter((each) => each.startsWith("a schedule could not be planned"))).toHaveLength(1);
});
