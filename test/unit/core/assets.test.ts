import { describe, expect, it } from "vitest";
import { queued, triggeringAssets } from "../../../engine/core/assets/events.ts";
import { assetsOf, expressionText, isSatisfied } from "../../../engine/core/assets/expression.ts";
import type { AssetExpression } from "../../../engine/core/dag.ts";

const BOTH: AssetExpression = { all: ["orders", { any: ["stores", "shops"] }] };

describe("an expression of assets", () => {
  it.each([
    [["orders"], false],
    [["stores", "shops"], false],
    [["orders", "shops"], true],
    [["orders", "stores"], true],
    [[], false],
  ])("orders & (stores | shops) with %j changed: %s", (changed, expected) => {
    expect(isSatisfied(BOTH, (asset) => changed.includes(asset))).toBe(expected);
  });

  it("names each asset once, and reads as a person would write it", () => {
    expect([...assetsOf({ any: [BOTH, "orders"] })]).toEqual(["orders", "stores", "shops"]);
    expect(expressionText(BOTH)).toBe("orders & (stores | shops)");
    expect(expressionText({ any: ["a", { all: ["b", "c"] }] })).toBe("a | b & c");
  });
});

describe("updates that wait for a run", () => {
  it("collapse into one row of the newest, with their number", () => {
    const source = { runId: "r", dagId: "sales", dagRunId: "one", taskId: "load" };
    const first = queued("report", { asset: "orders", at: 0, source, by: "engine", extra: {} }, undefined);
    const second = queued("report", { asset: "orders", at: 1_000, source: null, by: "cli", extra: { n: 1 } }, first);
    expect(triggeringAssets([second])).toEqual([
      {
        name: "orders",
        updates: 2,
        at: "1970-01-01T00:00:01.000Z",
        dag_id: null,
        dag_run_id: null,
        task_id: null,
        by: "cli",
        extra: { n: 1 },
      },
    ]);
  });
});
