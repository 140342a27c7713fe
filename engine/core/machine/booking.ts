import { Decimal } from "decimal.js";
import type { Usage } from "../operator.ts";
import type { Attempt, LedgerEntry } from "../records.ts";
import type { Instant } from "../json.ts";

/** What one unit costs, and who says so. `unitPrice` is an exact decimal. */
export interface Price {
  readonly unitPrice: string;
  readonly currency: string;
  readonly source: string;
}

/** Prices an attempt's usage: one entry for each kind. `settled` replaces what was accrued (protocol rule 34). */
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
      amount: new Decimal(used.quantity).times(price.unitPrice).toFixed(),
      currency: price.currency,
      priceSource: price.source,
      at,
    };
  });
}
