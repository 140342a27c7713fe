import { expect, test } from "vitest";
import type { World } from "../../engine/core/machine/world.ts";
import { Wishes } from "../../engine/runtime/wishes.ts";
import { enqueue } from "../../engine/store/inbox.ts";
import { dagSpec, taskSpec } from "../scenario/scenario.ts";
import { untilSo } from "../setup/until.ts";
import { fleetForEachTest, type Fleet } from "./harness.ts";

let fleet: Fleet;

fleetForEachTest((made) => (fleet = made));

const wish = (pool: string): Promise<string> => enqueue(fleet.store, { kind: "set_pool", pool, slots: 1, by: "test" });

/** An inbox whose flushes go as the test says. */
function inbox() {
  const flushes = { gathering: 1, landed: 0 };
  let woken: () => void;
  let wakes = new Promise<void>((resolve) => (woken = resolve));
  const world = { runs: new Map() } as unknown as World;
  const wishes = new Wishes(fleet.store, world, flushes, () => woken());
  const looked = async (): Promise<void> => {
    wishes.ring();
    await wakes;
    wakes = new Promise((resolve) => (woken = resolve));
  };
  /** The ids that the next look that finds any has found, carried out. */
  const carriedOut = async (): Promise<string[]> => {
    await looked();
    const commands = wishes.take()?.commands ?? [];
    for (const command of commands) wishes.carried(command);
    return commands.map(({ id }) => id);
  };
  return { wishes, flushes, looked, carriedOut };
}

test("rule 30: a wish that was carried out is not found again while its flush is under way", async () => {
  const first = await wish("a");
  const { wishes, carriedOut } = inbox();
  expect(await carriedOut()).toEqual([first]);
  const second = await wish("b");
  wishes.next();
  expect(await carriedOut()).toEqual([second]);
});

test("rule 30: a wish that its flush did not mark as applied is found again once that has landed", async () => {
  const first = await wish("a");
  const { wishes, flushes, carriedOut } = inbox();
  expect(await carriedOut()).toEqual([first]);
  wishes.next();
  flushes.landed = 1;
  expect(await carriedOut()).toEqual([first]);
});

test("rule 30: what rings while what was found is not carried out is found by the next look", async () => {
  const first = await wish("a");
  const { wishes, carriedOut } = inbox();
  expect(await carriedOut()).toEqual([first]);
  const second = await wish("b");
  wishes.ring();
  expect(wishes.take()?.commands.map(({ id }) => id)).toEqual([first]);
  wishes.next();
  expect(await carriedOut()).toEqual([second]);
});

test("rule 5: a look that failed throws why when its term wants what it found", async () => {
  const { wishes, looked } = inbox();
  await fleet.store.pool.query("ALTER TABLE command RENAME TO elsewhere");
  await looked();
  expect(() => wishes.take()).toThrow(/"command" does not exist/);
});

test("tasks go on while the inbox cannot be read", async () => {
  fleet.service.held.add("extract");
  const engine = await fleet.engine(dagSpec([taskSpec("extract"), taskSpec("load", { dependsOn: ["extract"] })]));
  await engine.ready;
  await fleet.backfill(1, 1);
  await untilSo(async () => fleet.service.jobsOf("extract").length === 1);
  const lock = await fleet.store.pool.connect();
  await lock.query("BEGIN; LOCK TABLE command IN ACCESS EXCLUSIVE MODE");
  const waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%command%'";
  await untilSo(async () => (await fleet.store.pool.query(waiting)).rowCount === 1);
  fleet.service.held.delete("extract");
  await untilSo(async () => fleet.service.jobsOf("load").length === 1);
  await lock.query("ROLLBACK");
  lock.release();
  await engine.settled();
  expect(fleet.errors).toEqual([]);
});
