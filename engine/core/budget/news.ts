import type { BudgetSpec } from "../dag.ts";
import type { Instant } from "../json.ts";
import type { CompiledDag } from "../machine/compiled-dag.ts";
import type { News } from "../notify/mails.ts";
import { runFacts } from "../notify/news.ts";
import type { BudgetLevel, DagRun } from "../records.ts";
import { dsOf } from "../schedule/runs.ts";
import { shownMoney } from "./money.ts";
import type { Spent } from "./spent.ts";

const MOST_TASKS = 10;

/** What was spent of what, as reasons and mails say it: "spent 25.31 of 25 USD". */
export const spentOf = (budget: BudgetSpec, spent: Spent): string =>
  `spent ${shownMoney(spent.total)} of ${budget.perRun} ${budget.currency}`;

/** A run has passed its warning or its limit. */
export function budgetNews(
  { run, dag }: { readonly run: DagRun; readonly dag: CompiledDag },
  budget: BudgetSpec,
  spent: Spent,
  level: Exclude<BudgetLevel, "ok">,
  at: Instant,
): News {
  const { spec } = dag.version;
  const { perRun: limit, currency, onExceeded } = budget;
  const tasks = spent.byTask().flatMap(({ taskNo, amount }) => {
    const taskId = dag.tasks[dag.positionOf.get(taskNo) ?? -1]?.taskId;
    return taskId === undefined ? [] : [{ taskId, amount }];
  });
  return {
    kind: level === "warned" ? "budget_warning" : "budget_exceeded",
    // A run that starts again counts anew, and tells anew.
    key: `${run.runId}/${run.startedAt ?? run.queuedAt}`,
    subject: `${spec.dagId} ${level === "warned" ? "nears" : "exceeded"} its budget: ${spentOf(budget, spent)} (${dsOf(spec, run)})`,
    facts: {
      ...runFacts(spec, run),
      budget: { limit, spent: spent.total.toFixed(), currency, onExceeded, tasks: tasks.slice(0, MOST_TASKS) },
    },
    runId: run.runId,
    at,
  };
}
