import { expect, test } from "vitest";
import { dagSpec, taskSpec } from "../scenario/specs.ts";
import { fleetForEachTest, type Fleet } from "./harness.ts";

let fleet: Fleet;

fleetForEachTest((made) => (fleet = made));

/** Waits until a statement of this database waits for a lock. */
async function someoneWaits(): Promise<void> {
  for (;;) {
    const { rows } = await fleet.store.pool.query(
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    if (rows.length > 0) return;
  }
}

test("rule 2: a process that is asked to stop while a flush is under way sends what that flush intends, and nobody doubts it", async () => {
  const spec = dagSpec([taskSpec("a", { operator: "find" }), taskSpec("b", { operator: "find" })]);
  const engine = await fleet.engine(spec);
  await engine.ready;
  const blocker = await fleet.store.pool.connect();
  await blocker.query("BEGIN; LOCK TABLE attempt IN EXCLUSIVE MODE");
  await fleet.backfill(1, 1);
  await someoneWaits();
  const stopped = engine.stop();
  await blocker.query("COMMIT");
  blocker.release();
  await stopped;
  const { rows } = await fleet.store.pool.query<{ sent: boolean; ever_in_doubt: boolean }>(
    "SELECT ref IS NOT NULL AS sent, ever_in_doubt FROM attempt",
  );
  expect(rows).toEqual([
    { sent: true, ever_in_doubt: false },
    { sent: true, ever_in_doubt: false },
  ]);
});
