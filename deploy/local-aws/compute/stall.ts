import type { Clock } from "../contract.ts";
import type { JobFault } from "../faults.ts";
import type { Work, WorkEnd } from "../runner-pool.ts";
import { atTime } from "./deadline.ts";

/** Does nothing for `ms` of the clock, for ever when null, and then begins the work; until then it can only be cancelled. */
export function stalled(clock: Clock, ms: number | null, begin: () => Work): Work {
  let cancel: () => void = () => undefined;
  const ended = new Promise<WorkEnd>((end) => {
    const go = (): void => {
      const work = begin();
      cancel = () => work.cancel();
      void work.ended.then(end);
    };
    const timer = ms === null ? undefined : atTime(clock, clock.now() + ms, go);
    cancel = () => {
      timer?.cancel();
      end({ kind: "cancelled" });
    };
  });
  return { ended, cancel: () => cancel() };
}

/** The fault of a job that a new local-aws takes up again: a stall that was to pass has passed. */
export function afterRestart(fault: JobFault | null): JobFault | null {
  return fault?.kind === "stall_run" && fault.ms !== null ? null : fault;
}
