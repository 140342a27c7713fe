import { describe, expect, it } from "vitest";
import type { Json } from "../../../engine/core/json.ts";
import { compileDag } from "../../../engine/core/machine/compiled-dag.ts";
import { prevSuccessWishes } from "../../../engine/core/machine/prev-success.ts";
import { activeRun, bareRun } from "../../../engine/core/machine/run-rows.ts";
import { Variables, variableMistake, type VariableChange } from "../../../engine/core/variables.ts";
import { dagSpec, taskSpec } from "../../scenario/scenario.ts";
import { run } from "../dagfile/rendering.ts";

const nested = (levels: number): Json => (levels === 0 ? 1 : [nested(levels - 1)]);

describe("a variable", () => {
  it("has a name that a template can say, and a value that fits into memory", () => {
    for (const name of ["region", "_x", "Max_Workers_2"]) expect(variableMistake({ name, value: 1 })).toBeNull();
    for (const name of ["", "2x", "a-b", "a.b", "a b", "a\0"]) {
      expect(variableMistake({ name, value: 1 })).toContain("a name is letters, digits and _");
    }
    expect(variableMistake({ name: "a".repeat(251), value: 1 })).toContain("251 characters");
  });

  it("has at most 64 KiB as JSON, and tells how many it has", () => {
    expect(variableMistake({ name: "a", value: "x".repeat(65_534) })).toBeNull();
    expect(variableMistake({ name: "a", value: "x".repeat(65_535) })).toContain("65537 bytes as JSON, at most 65536");
    expect(variableMistake({ name: "a", value: "é".repeat(33_000) })).toContain("66002 bytes");
  });

  it("is nested at most 100 levels deep, whatever would read it", () => {
    expect(variableMistake({ name: "a", value: nested(100) })).toBeNull();
    expect(variableMistake({ name: "a", value: nested(101) })).toContain("more than 100 levels");
    expect(variableMistake({ name: "a", value: nested(5_000) })).toContain("more than 100 levels");
  });
});

describe("the variables in memory", () => {
  it("are one object until one of them changes, and every change is told", () => {
    const told: VariableChange[] = [];
    const variable = (name: string, value: Json) => ({ name, value, description: null, updatedAt: 0 });
    const variables = new Variables([variable("a", 1)], (change) => told.push(change));
    const before = variables.values;
    expect(before).toEqual({ a: 1 });
    expect(variables.values).toBe(before);
    variables.set({ name: "__proto__", to: variable("__proto__", "text") });
    expect(Object.entries(variables.values)).toEqual([
      ["a", 1],
      ["__proto__", "text"],
    ]);
    variables.set({ name: "a", to: null });
    expect(Object.keys(variables.values)).toEqual(["__proto__"]);
    expect(before).toEqual({ a: 1 });
    expect(told.map(({ name }) => name)).toEqual(["__proto__", "a"]);
  });
});

describe("the last success before a run", () => {
  const of = (text: string, logicalAt: number | null = 5) => {
    const spec = dagSpec([taskSpec("load", { with: { job: text } })]);
    const dag = compileDag({
      ...{ versionId: "v", dagId: "nightly", versionNumber: 1, hash: "h", spec },
      taskNos: { load: 1 },
    });
    return activeRun(bareRun({ ...run, logicalAt }), dag);
  };

  it("is asked for once for each run whose templates name it", () => {
    const active = of("{{ prev_success.ds }}");
    expect(prevSuccessWishes([active, active, of("{{ ds }}")])).toEqual([
      { runId: run.runId, dagId: "nightly", logicalAt: 5 },
    ]);
    active.prevSuccess = null;
    expect(prevSuccessWishes([active])).toEqual([]);
  });

  it("is none of a run without a logical date, as in Airflow", () => {
    expect(prevSuccessWishes([of("{{ prev_success.ds }}", null)])).toEqual([]);
  });
});
