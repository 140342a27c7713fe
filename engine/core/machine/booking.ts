import { amountOf } from "../pricing/amounts.ts";
import type { Price } from "../pricing/price.ts";
import type { Usage } from "../operator.ts";
import type { Attempt, LedgerEntry } from "../records.ts";
import type { Instant } from "../json.ts";
import type { DecisionContext } from "./events.ts";
import type { RunDraft } from "./run-draft.ts";

/** Prices an attempt's usage: one entry for each kind. */
export function book(
  attempt: Attempt,
  usage: readonly Usage[],
  kind: "accrued" | "settled",
  priceOf: (usageKind: string) => Price,
  at: Instant,
): LedgerEntry[] {
  return usage.map((used) => {
    const price = priceOf(used.kind);
    return {
      runId: attempt.runId,
      taskNo: attempt.taskNo,
      mapIndex: attempt.mapIndex,
      tryNumber: attempt.tryNumber,
      usageKind: used.kind,
      kind,
      quantity: used.quantity,
      unit: used.unit,
      unitPrice: price.unitPrice,
      amount: amountOf(used, price),
      currency: price.currency,
      priceSource: price.source,
      at,
    };
  });
}

/** What an attempt has used so far counts at once; the ledger hears of it from time to time (rule 34, watchBudget). */
export function accrue(draft: RunDraft, attempt: Attempt, usage: readonly Usage[], context: DecisionContext): void {
  const entries = book(attempt, usage, "accrued", context.priceOf, context.now);
  draft.spent = draft.spent.accrue(entries, isOfThisStart(draft, attempt));
}

/**
 * The attempt's bill is closed: `usage` replaces what was accrued, a kind that it does not name cost nothing in the end.
 * undefined: nobody tells, what was accrued stands.
 */
export function settleBill(
  draft: RunDraft,
  attempt: Attempt,
  usage: readonly Usage[] | undefined,
  context: DecisionContext,
): void {
  if (usage === undefined) {
    writeAccrued(draft, attempt);
    return;
  }
  const named = new Set(usage.map(({ kind }) => kind));
  const unnamed = draft.spent.kindsOf(attempt).filter(({ usageKind }) => !named.has(usageKind));
  const nothing = unnamed.map(({ usageKind, unit }): Usage => ({ kind: usageKind, quantity: "0", unit }));
  const entries = book(attempt, [...usage, ...nothing], "settled", context.priceOf, context.now);
  draft.spent = draft.spent.settle(entries, isOfThisStart(draft, attempt));
  draft.rare.ledger.push(...entries);
}

/** Brings the ledger up to date about one attempt. */
export function writeAccrued(draft: RunDraft, attempt: Attempt): void {
  const entries = draft.spent.unwritten(attempt);
  if (entries.length === 0) return;
  draft.rare.ledger.push(...entries);
  draft.spent = draft.spent.wrote(entries);
}

/** Whether the attempt is of the run since its start: only then the run pays for it. */
const isOfThisStart = (draft: RunDraft, { intentAt }: Attempt): boolean =>
  draft.run.startedAt !== null && intentAt >= draft.run.startedAt;
