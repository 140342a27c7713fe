import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Observed } from "../../../engine/core/operator.ts";
import { DEFAULT_SETTINGS } from "../../../engine/core/settings.ts";
import { LookRoom } from "../../../engine/runtime/look-room.ts";
import { Observer } from "../../../engine/runtime/observer.ts";
import { dagSpec, Scenario, taskSpec } from "../../scenario/scenario.ts";

type Given = ConstructorParameters<typeof Observer>;

const { pollMinMs, pollMaxMs } = DEFAULT_SETTINGS;

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] }));
afterEach(() => void vi.useRealTimers());

/** When the first looks at two hundred jobs of twenty clusters come, that were begun so long ago, and how many each shows. */
async function firstLooks(kind: string, agoMs: number): Promise<{ at: number; jobs: number }[]> {
  const s = new Scenario(dagSpec([taskSpec("a")]));
  s.starts("a");
  const [active] = s.world.runs.values();
  if (!active) throw new Error("no run");
  const began = Date.now();
  const calls: { at: number; jobs: number }[] = [];
  const operator = {
    type: "find",
    batchSize: 50,
    observe: async (asked: readonly Observed[]) => {
      calls.push({ at: Date.now() - began, jobs: asked.length });
      return asked.map(() => ({ kind: "succeeded", output: {} }));
    },
  };
  const deps = {
    settings: DEFAULT_SETTINGS,
    operator: async () => operator,
    operators: new Map([["find", { launch: { kind }, shownTogether: (ref: unknown) => String(ref) }]]),
    connection: (name: string) => ({ name, region: "us-east-1", settings: {} }),
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  } as unknown as Given[0];
  const clock = { now: () => Date.now(), realMs: (ms: number) => ms } as unknown as Given[1];
  const observer = new Observer(deps, clock, () => undefined, new LookRoom(() => 0));
  for (let mapIndex = 0; mapIndex < 200; mapIndex++) {
    const attempt = { ...s.attempt("a"), mapIndex, ref: `j-${mapIndex % 20}`, submittedAt: began - agoMs };
    observer.watch({ active, position: 0 }, attempt);
  }
  await vi.advanceTimersByTimeAsync(pollMaxMs);
  observer.stop();
  return calls;
}

test("rule 21: after a takeover looks are spread over time, and what one call shows stays together", async () => {
  const calls = await firstLooks("find", 3_600_000);
  expect(calls.map(({ jobs }) => jobs)).toEqual(Array(20).fill(10));
  expect(new Set(calls.map(({ at }) => at)).size).toBe(20);
});

test("rule 21: what this process has begun itself is looked at after the shortest interval", async () => {
  const calls = await firstLooks("find", 0);
  expect(new Set(calls.map(({ at }) => at))).toEqual(new Set([pollMinMs]));
});

test("work in a process that has died is looked at at once: nothing is asked elsewhere", async () => {
  const calls = await firstLooks("in_process", 3_600_000);
  expect(new Set(calls.map(({ at }) => at))).toEqual(new Set([pollMinMs]));
});
