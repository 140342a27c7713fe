import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DEFAULT_SETTINGS } from "../../../engine/core/settings.ts";
import { Facts } from "../../../engine/runtime/facts.ts";
import { LookRoom } from "../../../engine/runtime/look-room.ts";
import { Observer } from "../../../engine/runtime/observer.ts";
import { dagSpec, Scenario, taskSpec } from "../../scenario/scenario.ts";

type Given = ConstructorParameters<typeof Observer>;

const BOUND = 5_000;

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] }));
afterEach(() => void vi.useRealTimers());

/** So many jobs of twenty clusters, looked at for nobody yet; each look at each brings something new. */
function looking(jobs: number) {
  const s = new Scenario(dagSpec([taskSpec("a")]));
  s.starts("a");
  const [active] = s.world.runs.values();
  if (!active) throw new Error("no run");
  let looks = 0;
  const operator = {
    type: "find",
    batchSize: 50,
    observe: async (asked: readonly unknown[]) => asked.map(() => ({ kind: "running", detail: `${looks++}` })),
  };
  const deps = {
    settings: DEFAULT_SETTINGS,
    operator: async () => operator,
    operators: new Map([["find", { launch: { kind: "find" }, shownTogether: (ref: unknown) => String(ref) }]]),
    connection: (name: string) => ({ name, region: "us-east-1", settings: {} }),
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  } as unknown as Given[0];
  const clock = { now: () => Date.now(), realMs: (ms: number) => ms } as unknown as Given[1];
  const facts = new Facts();
  const room = new LookRoom(() => facts.count);
  const observer = new Observer(deps, clock, (key, event) => facts.add({ key, event }), room);
  for (let mapIndex = 0; mapIndex < jobs; mapIndex++) {
    const attempt = { ...s.attempt("a"), mapIndex, ref: `cluster ${mapIndex % 20}`, submittedAt: Date.now() };
    observer.watch({ active, position: 0 }, attempt);
  }
  return { facts, room, observer };
}

test("rule 33: looks pause while 5,000 events wait for a turn, and go on when they are taken", async () => {
  const { facts, room, observer } = looking(6_000);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(facts.count).toBe(BOUND);
  const seen = new Set(facts.take().map(({ key }) => key.mapIndex));
  room.admit();
  await vi.advanceTimersByTimeAsync(600_000);
  expect(facts.count).toBe(BOUND);
  for (const { key } of facts.take()) seen.add(key.mapIndex);
  expect(seen.size).toBe(6_000);
  observer.stop();
});

test("a look that waited for room is not made any more when its term has ended", async () => {
  const { facts, room, observer } = looking(6_000);
  await vi.advanceTimersByTimeAsync(60_000);
  observer.stop();
  facts.take();
  room.admit();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(facts.count).toBe(0);
});

test("looks that bring no news take room only while they are under way", async () => {
  const room = new LookRoom(() => 0);
  const order: string[] = [];
  await room.enter(BOUND - 1);
  const two = room.enter(2).then(() => order.push("two"));
  const one = room.enter(1).then(() => order.push("one"));
  room.leave(BOUND - 1);
  await Promise.all([two, one]);
  expect(order).toEqual(["two", "one"]);
});

test("a call for more jobs than there is room at all waits for all others, and is let in then", async () => {
  const room = new LookRoom(() => 0);
  await room.enter(1);
  let isIn = false;
  const large = room.enter(BOUND + 1).then(() => (isIn = true));
  await Promise.resolve();
  expect(isIn).toBe(false);
  room.leave(1);
  await large;
  expect(isIn).toBe(true);
});
