import type { Journal, Operation } from "../contract.ts";

/**
 * Holds each answer back until the state it tells of is on disk. Without this a client could see a run end,
 * and after a kill of local-aws see it running again.
 */
export function durable(
  journal: Journal,
  operations: Readonly<Record<string, Operation>>,
): Readonly<Record<string, Operation>> {
  const wrap = (operation: Operation): Operation => {
    return async (input, call) => {
      const answer = await operation(input, call);
      await journal.flushed();
      return answer;
    };
  };
  return Object.fromEntries(Object.entries(operations).map(([name, operation]) => [name, wrap(operation)]));
}
