import { z } from "zod";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";
import { checkArguments, sparkScript } from "../aws/spark-script.ts";

/** DPUs of one worker. Source: the AWS Glue developer guide, worker types. Ray and memory-optimised types have prices of their own. */
export const DPU_OF = { "G.025X": 0.25, "G.1X": 1, "G.2X": 2, "G.4X": 4, "G.8X": 8, "G.12X": 12, "G.16X": 16 } as const;
const WORKER_TYPES = Object.keys(DPU_OF) as (keyof typeof DPU_OF)[];

export const glueJobFacts = {
  type: "glue.job",
  summary: "Runs a PySpark script as an AWS Glue job",
  params: z
    .strictObject({
      job: z.string().regex(/^[\w .-]{1,255}$/, "expected a Glue job's name: letters, digits, space, _ . and -"),
      ...sparkScript,
      worker_type: z.enum(WORKER_TYPES),
      workers: z.int().min(1).max(299),
      glue_version: z.string().min(1).optional(),
      execution_class: z.enum(["STANDARD", "FLEX"]).default("STANDARD"),
      timeout_minutes: z.int().min(1).max(10_080).optional(),
      role: z.string().min(1).optional(),
    })
    .superRefine(checkArguments),
  launch: { kind: "find", visibilityMs: 60_000 },
  fileFields: ["script", "files"],
  shownTogether: (ref) => (ref as { readonly job: string }).job,
} satisfies Omit<OperatorDescriptor, "load">;

export type GlueJobParams = z.infer<typeof glueJobFacts.params>;
