import { Decimal } from "decimal.js";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Spent } from "../../../engine/core/budget/spent.ts";
import type { LedgerEntry } from "../../../engine/core/records.ts";

const MINUTE = 60_000;

const entry = (taskNo: number, amount: number, at: number): LedgerEntry => ({
  ...{ runId: "r", taskNo, mapIndex: -1, tryNumber: 1, usageKind: "glue.dpu_hour", kind: "accrued" },
  ...{ quantity: "1", unit: "DPU-hour", unitPrice: "0.44", currency: "USD", priceSource: "test" },
  amount: new Decimal(amount).div(1000).toFixed(),
  at,
});

const step = fc.record({
  taskNo: fc.integer({ min: 0, max: 4 }),
  amount: fc.integer({ min: 0, max: 1_000_000 }),
  minutes: fc.integer({ min: 0, max: 3 }),
  kind: fc.constantFrom("accrue", "settle"),
});

test("sums carried on from look to look are those of all attempts, and each amount is written when it has waited five minutes", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let at = 0;
      let spent = Spent.of([], 0);
      const model = new Map<number, { amount: Decimal; writtenAt: number; isOpen: boolean }>();
      for (const { taskNo, amount, minutes, kind } of steps) {
        at += minutes * MINUTE;
        const told = entry(taskNo, amount, at);
        const known = model.get(taskNo);
        const isNews = !known || known.amount.lt(told.amount);
        const value = new Decimal(told.amount);
        if (kind === "settle") model.set(taskNo, { amount: value, writtenAt: at, isOpen: false });
        else if (isNews) model.set(taskNo, { amount: value, writtenAt: known?.writtenAt ?? at, isOpen: true });
        spent = kind === "settle" ? spent.settle([told], true) : spent.accrue([told], true);

        const sum = [...model.values()].reduce((total, line) => total.plus(line.amount), new Decimal(0));
        expect(spent.total.toFixed()).toBe(sum.toFixed());
        const waited = [...model].filter(([, line]) => line.isOpen && at - line.writtenAt >= 5 * MINUTE);
        const due = spent.due(null, at);
        expect(due.map((each) => each.taskNo).sort()).toEqual(waited.map(([each]) => each).sort());
        spent = spent.wrote(due);
        for (const { taskNo: written, at: writtenAt } of due) {
          const line = model.get(written);
          if (line) Object.assign(line, { writtenAt, isOpen: false });
        }
      }
    }),
  );
});

test("all that waits is written once it is a hundredth of the limit", () => {
  const limit = new Decimal(10);
  const little = Spent.of([], 0).accrue([entry(1, 60, 0)], true);
  expect(little.due(limit, 0)).toEqual([]);
  const enough = little.accrue([entry(2, 40, 0)], true);
  expect(enough.due(limit, 0).map(({ taskNo }) => taskNo)).toEqual([1, 2]);
  expect(enough.wrote(enough.due(limit, 0)).due(limit, 0)).toEqual([]);
});
