import { limitAhead, passed } from "../budget/level.ts";
import { budgetNews, spentOf } from "../budget/news.ts";
import type { BudgetSpec } from "../dag.ts";
import { mailsFor } from "../notify/mails.ts";
import { endRun, hasOpenWork } from "./end-run.ts";
import type { DecisionContext } from "./events.ts";
import type { RunDraft } from "./run-draft.ts";

/**
 * After a decision that changed what the run has spent: tells of a limit that was passed and acts on it, once each, and
 * writes what the ledger is to have now (rule 34).
 */
export function watchBudget(draft: RunDraft, context: DecisionContext): void {
  if (draft.spent === draft.active.spent) return;
  const { budget } = draft.active.dag.version.spec;
  const levels = budget ? passed(budget, draft.run.budgetLevel, draft.spent.total) : [];
  for (const level of levels) {
    if (!budget || level === "ok") continue;
    draft.run = { ...draft.run, budgetLevel: level };
    if (level === "exceeded") exceed(draft, budget, context);
    const news = budgetNews({ run: draft.run, dag: draft.active.dag }, budget, draft.spent, level, context.now);
    draft.rare.mails.push(...mailsFor(draft.active.dag.version.spec.notify, news, context));
  }
  const limit = limitAhead(budget, draft.spent.total);
  // A takeover must find what was told of.
  const entries = levels.length > 0 ? draft.spent.unwritten() : draft.spent.due(limit, context.now);
  if (entries.length === 0) return;
  draft.rare.ledger.push(...entries);
  draft.spent = draft.spent.wrote(entries);
}

/** Where nothing but teardowns is left there is nothing to stop, and what was done stands. */
function exceed(draft: RunDraft, budget: BudgetSpec, context: DecisionContext): void {
  if (budget.onExceeded === "warn" || draft.run.state !== "running" || !hasOpenWork(draft)) return;
  const why = spentOf(budget, draft.spent);
  const ending = { cause: "budget", then: "failed", by: "engine", at: context.now, why } as const;
  endRun(draft, ending, context, budget.onExceeded === "block");
}
