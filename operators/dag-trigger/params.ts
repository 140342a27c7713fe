import { z } from "zod";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";
import { parseInstant } from "../../engine/core/schedule/zone.ts";

const AT = "expected an instant such as 2026-01-31T02:00:00Z, or a template that renders to one";

export const dagTriggerFacts = {
  type: "dag.trigger",
  summary: "Makes a run of another DAG, and waits for its end",
  params: z.strictObject({
    dag: z.string().min(1).max(250).describe("the other DAG's id"),
    conf: z.record(z.string(), z.json()).default({}).describe("values of its params for this run"),
    logical_date: z
      .string()
      .refine((text) => parseInstant(text, "UTC") !== null, AT)
      .nullable()
      .default(null)
      .describe("in the DAG's zone unless it has an offset; null: none"),
    wait: z.boolean().default(true).describe("false: the task succeeds as soon as the run is made"),
  }),
  // The run's id is made from the launch key, and a DAG has one run of an id.
  launch: { kind: "name" },
  holdsNoSlot: true,
  fileFields: [],
} satisfies Omit<OperatorDescriptor, "load">;

export type DagTriggerParams = z.infer<typeof dagTriggerFacts.params>;
