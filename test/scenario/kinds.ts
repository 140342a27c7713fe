import type { Submitted } from "../../engine/core/operator.ts";
import type { OperatorKinds } from "../../engine/core/machine/ready-tasks.ts";

/** Operators of which only sensors are special. */
export const kindsOf = (isSensor: (operator: string) => boolean): OperatorKinds => ({
  isSensor,
  isInstant: () => false,
});

/** What comes of tasks that ask nobody. */
export const DECIDED: Readonly<Record<string, Submitted>> = {
  join: { kind: "done" },
  choose_left: { kind: "done", output: { chosen: ["left"] }, leads: { chosen: ["left"] } },
  choose_nobody: { kind: "done", output: {}, leads: { chosen: ["nobody"] } },
};

/** What a world does with a decision that threw: no test expects one. */
export const rethrow = (_runId: string, error: unknown): never => {
  throw error;
};
