import { Decimal } from "decimal.js";
import type { BudgetSpec } from "../dag.ts";
import type { BudgetLevel } from "../records.ts";

/** In the order in which spending passes them. */
const LEVELS: readonly BudgetLevel[] = ["ok", "warned", "exceeded"];

/** Where people are warned. */
const warnLimit = ({ perRun, warnAt }: BudgetSpec): Decimal => new Decimal(perRun).times(warnAt);

/** How far `spent` goes: the warning from its share on, the limit once it is passed. */
function levelOf(budget: BudgetSpec, spent: Decimal): BudgetLevel {
  if (spent.gt(budget.perRun)) return "exceeded";
  return spent.gte(warnLimit(budget)) ? "warned" : "ok";
}

/** The levels that `spent` passes beyond `from`, in order. One that was passed stays so, whatever is settled later. */
export function passed(budget: BudgetSpec, from: BudgetLevel, spent: Decimal): BudgetLevel[] {
  return LEVELS.slice(LEVELS.indexOf(from) + 1, LEVELS.indexOf(levelOf(budget, spent)) + 1);
}

/** The nearest limit that is still ahead; null: there is none. */
export function limitAhead(budget: BudgetSpec | null, spent: Decimal): Decimal | null {
  if (!budget || spent.gt(budget.perRun)) return null;
  const warning = warnLimit(budget);
  return spent.lt(warning) ? warning : new Decimal(budget.perRun);
}
