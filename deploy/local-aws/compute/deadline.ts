import type { Clock } from "../contract.ts";

const LOOK_MS = 1000;

/** Calls `late` once the clock reads `at` or more. The clock may run faster than real time, so it is asked every second. */
export function atTime(clock: Clock, at: number, late: () => void): { cancel(): void } {
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    const left = at - clock.now();
    if (left <= 0) late();
    else timer = setTimeout(look, Math.min(left, LOOK_MS)).unref();
  };
  timer = setTimeout(look, Math.min(Math.max(0, at - clock.now()), LOOK_MS)).unref();
  return { cancel: () => clearTimeout(timer) };
}
