import { describe, expect, it } from "vitest";
import { z } from "zod";
import { triggerCycle } from "../../../engine/core/graph/trigger-cycle.ts";
import type { OperatorDescriptor } from "../../../engine/core/operator.ts";
import { readOne, withoutDuplicates } from "../../../engine/dagfile/read.ts";

const trigger: OperatorDescriptor = {
  type: "dag.trigger",
  summary: "Makes a run of another DAG",
  params: z.strictObject({ dag: z.string() }),
  launch: { kind: "name" },
  fileFields: [],
  load: () => Promise.reject(new Error("reading a DAG loads no operator")),
};
const text = (id: string, target: string): string =>
  `dag: ${id}\ntasks:\n  next: { operator: dag.trigger, with: { dag: ${JSON.stringify(target)} } }\n`;
const read = (...dags: readonly (readonly [string, string])[]) =>
  withoutDuplicates(
    dags.map(([id, target]) =>
      readOne({ file: `dags/${id}.yaml`, text: text(id, target), operators: [trigger], readProjectFile: () => null }),
    ),
  );

describe("DAGs that trigger one another", () => {
  it("are read together: in a circle the last one is refused, with the way", () => {
    const { dags, problems } = read(["a", "b"], ["b", "c"], ["c", "a"]);
    expect(dags.map(({ spec }) => spec.dagId)).toEqual(["a", "b"]);
    expect(problems.map(({ code, message, at }) => `${at.file} ${code} ${message}`)).toEqual([
      "dags/c.yaml DAG_CYCLE a -> b -> c -> a: these DAGs trigger one another",
    ]);
  });

  it("may not trigger themselves", () => {
    expect(read(["a", "a"]).problems).toMatchObject([{ code: "DAG_CYCLE" }]);
  });

  it("may meet again without a circle, and a template says nothing before it is rendered", () => {
    expect(read(["a", "b"], ["b", "{{ params.x }}"]).problems.filter(({ code }) => code === "DAG_CYCLE")).toEqual([]);
    expect(read(["a", "c"], ["b", "c"]).problems).toEqual([]);
  });

  it("in a chain of thousands are looked at in no time", () => {
    const task = (dag: string) => ({ operator: "dag.trigger", with: { dag } });
    const specs = Array.from({ length: 5_000 }, (_, index) => ({
      dagId: `d${index}`,
      tasks: [task(`d${index + 1}`)] as never,
    }));
    expect(triggerCycle(specs)).toBeNull();
    expect(triggerCycle([...specs, { dagId: "d5000", tasks: [task("d4998")] as never }])).toEqual([
      "d4998",
      "d4999",
      "d5000",
      "d4998",
    ]);
  });
});
