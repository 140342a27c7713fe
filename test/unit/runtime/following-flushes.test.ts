import { expect, test } from "vitest";
import type { World } from "../../../engine/core/machine/world.ts";
import { PendingFlush } from "../../../engine/core/machine/pending-flush.ts";
import type { EngineClock } from "../../../engine/runtime/clock.ts";
import type { Dispatch } from "../../../engine/runtime/dispatch.ts";
import { Flushes } from "../../../engine/runtime/flushes.ts";
import type { FlushSession } from "../../../engine/store/flush.ts";

/** Flushes whose COMMITs are answered when the test says so; what gathers are notes of pools, told apart by their slots. */
function flushes() {
  const answers: ((command: string) => void)[] = [];
  const sent: string[] = [];
  let pending = new PendingFlush();
  const client = {
    connection: { stream: { cork: () => undefined, uncork: () => undefined } },
    async query({ name, text, values }: { name?: string; text?: string; values?: string[] }) {
      if (name === "flush_fence") return { rows: [{ now: 0 }] };
      if (name === "flush_pools") sent.push(values?.[1] ?? "");
      if (text !== "COMMIT") return { rows: [] };
      return { command: await new Promise<string>((resolve) => answers.push(resolve)) };
    },
  };
  const world = {
    takePending: () => {
      const taken = { batch: pending, touched: [] };
      pending = new PendingFlush();
      return taken;
    },
    get gathered() {
      return pending;
    },
  };
  const nothing = (): undefined => undefined;
  const subject = new Flushes(
    { log: { info: nothing, warn: nothing, error: nothing }, onMails: nothing },
    { mark: () => 0, sync: nothing } as unknown as EngineClock,
    { client, close: async () => undefined } as unknown as FlushSession,
    { epoch: "1", owner: "us" },
    world as unknown as World,
    { run: nothing, intend: nothing } as unknown as Dispatch,
    { sent: nothing, acknowledged: nothing, wake: nothing },
  );
  const gather = (slots: number): void => pending.pool("p", slots);
  const answered = async (command: string): Promise<void> => {
    await expect.poll(() => answers.length).toBeGreaterThan(0);
    answers.shift()?.(command);
  };
  return { subject, sent, gather, answered };
}

test("what a turn has gathered leaves as soon as the flush before it has landed", async () => {
  const { subject, sent, gather, answered } = flushes();
  gather(1);
  subject.complete();
  subject.hold();
  gather(2);
  subject.complete();
  await answered("COMMIT");
  await expect.poll(() => sent).toEqual(["{1}", "{2}"]);
  expect(subject.isUnderWay).toBe(true);
  await answered("COMMIT");
  await subject.ended();
  expect(subject.isDurable).toBe(true);
});

test("what a turn is still gathering stays until the turn is over, whenever a flush lands", async () => {
  const { subject, sent, gather, answered } = flushes();
  gather(1);
  subject.complete();
  subject.hold();
  gather(2);
  await answered("COMMIT");
  await subject.ended();
  expect(sent).toEqual(["{1}"]);
  gather(3);
  subject.complete();
  await expect.poll(() => sent).toEqual(["{1}", "{3}"]);
});

test("nothing follows a flush that was not acknowledged", async () => {
  const { subject, sent, gather, answered } = flushes();
  gather(1);
  subject.complete();
  gather(2);
  await answered("ROLLBACK");
  await expect(subject.ended()).rejects.toThrow();
  expect(() => subject.complete()).toThrow();
  expect(sent).toEqual(["{1}"]);
});
