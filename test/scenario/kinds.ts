import type { OperatorKinds } from "../../engine/core/machine/ready-tasks.ts";

/** Operators of which only sensors are special. */
export const kindsOf = (isSensor: (operator: string) => boolean): OperatorKinds => ({
  isSensor,
  isInstant: () => false,
});
