import { z } from "zod";
import { parseDuration } from "../../engine/core/duration.ts";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";

/** EMR takes an idle timeout from one minute to seven days. */
const idleTimeout = z.string().refine((text) => {
  const ms = parseDuration(text);
  return ms !== null && ms >= 60_000 && ms <= 7 * 86_400_000;
}, "expected a duration from 1m to 7d");

export const emrClusterFacts = {
  type: "emr.cluster",
  summary: "Starts an EMR cluster for emr.step; it ends itself when idle",
  params: z.strictObject({
    // EMR takes 256 characters, and the launch key is put behind.
    name: z.string().regex(/^[\w .-]{1,200}$/, "expected a name: letters, digits, space, _ . and -"),
    release: z
      .string()
      .regex(/^emr-\d+\.\d+\.\d+$/, "expected a release such as emr-7.13.0")
      .optional(),
    instance_type: z.string().regex(/^[a-z][a-z0-9-]*\.[a-z0-9]+$/, "expected an instance type such as m5.xlarge"),
    instances: z.int().min(1).max(1_000).describe("the primary node and instances - 1 core nodes"),
    idle_timeout: idleTimeout.default("15m"),
    applications: z.array(z.string().min(1)).min(1).default(["Spark"]),
  }),
  launch: { kind: "find", visibilityMs: 60_000 },
  fileFields: [],
} satisfies Omit<OperatorDescriptor, "load">;

export type EmrClusterParams = z.infer<typeof emrClusterFacts.params>;
