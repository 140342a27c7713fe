import type { Clock } from "../contract.ts";

const LOOK_MS = 1000;

/** Calls `late` once the clock reads `at` or more. A timer may fire early and waits a bounded time, so the clock is asked. */
export function atTime(clock: Clock, at: number, late: () => void): { cancel(): void } {
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    const left = at - clock.now();
    if (left <= 0) late();
    else wait(left);
  };
  const wait = (left: number): void => {
    timer = setTimeout(look, Math.min(Math.max(0, left) / clock.factor, LOOK_MS)).unref();
  };
  wait(at - clock.now());
  return { cancel: () => clearTimeout(timer) };
}
