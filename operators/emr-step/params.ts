import { z } from "zod";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";
import { checkArguments, sparkScript } from "../aws/spark-script.ts";

export const emrStepFacts = {
  type: "emr.step",
  summary: "Runs a PySpark script as a step of an EMR cluster",
  params: z
    .strictObject({
      cluster_id: z.string().regex(/^j-[A-Z0-9]+$/, "expected a cluster's id: j- and capital letters and digits"),
      name: z.string().regex(/^[\w .-]{1,200}$/, "expected a name: letters, digits, space, _ . and -"),
      ...sparkScript,
    })
    .superRefine(checkArguments),
  launch: { kind: "find", visibilityMs: 60_000 },
  fileFields: ["script", "files"],
  shownTogether: (ref) => (ref as { readonly cluster_id: string }).cluster_id,
} satisfies Omit<OperatorDescriptor, "load">;

export type EmrStepParams = z.infer<typeof emrStepFacts.params>;
