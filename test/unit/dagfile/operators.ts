import { z } from "zod";
import type { AnyOperator, OperatorDescriptor } from "../../../engine/core/operator.ts";

const descriptor = (type: string, params: z.ZodType, fileFields: readonly string[] = []): OperatorDescriptor => ({
  type,
  summary: `What ${type} does`,
  params,
  launch: { kind: "sensor" },
  fileFields,
  load: (): Promise<AnyOperator> => Promise.reject(new Error("reading a DAG loads no operator")),
});

/** Small operators to read DAGs with. */
export const operators: readonly OperatorDescriptor[] = [
  descriptor("noop", z.strictObject({})),
  descriptor(
    "job.run",
    z.strictObject({
      job: z.string(),
      workers: z.int().min(1).default(2),
      flex: z.boolean().optional(),
      share: z.number().optional(),
      arguments: z.record(z.string(), z.string()).default({}),
      sql: z.union([z.string(), z.array(z.string())]).optional(),
      target: z
        .discriminatedUnion("kind", [
          z.strictObject({ kind: z.literal("cluster"), id: z.string() }),
          z.strictObject({ kind: z.literal("serverless"), workgroup: z.string() }),
        ])
        .optional(),
      files: z.record(z.string(), z.string()).optional(),
    }),
    ["sql", "files"],
  ),
];
