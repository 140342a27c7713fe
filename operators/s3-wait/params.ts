import { z } from "zod";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";

const uri = z
  .string()
  .regex(/^s3:\/\/[^/]+\/.+/s, "expected s3://bucket/key, or s3://bucket/prefix/ for any object below it");

export const s3WaitFacts = {
  type: "s3.wait",
  summary: "Waits until an object exists, or any object below a prefix that ends in /",
  params: z.strictObject({ uri }),
  launch: { kind: "sensor" },
  fileFields: [],
} satisfies Omit<OperatorDescriptor, "load">;

export type S3WaitParams = z.infer<typeof s3WaitFacts.params>;
