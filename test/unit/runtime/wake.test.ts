import { expect, test } from "vitest";
import { Wake } from "../../../engine/runtime/wake.ts";

test("a ring while nobody waits is kept for the next who does", async () => {
  const wake = new Wake();
  wake.ring();
  const before = performance.now();
  await wake.wait(60_000);
  expect(performance.now() - before).toBeLessThan(30_000);
});

test("a ring wakes who waits, and one ring wakes once", async () => {
  const wake = new Wake();
  const order: string[] = [];
  const waiting = wake.wait(60_000).then(() => order.push("woken"));
  wake.ring();
  await waiting;
  await wake.wait(1);
  expect(order).toEqual(["woken"]);
});
