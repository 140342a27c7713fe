import { z } from "zod";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";

export const emrTerminateFacts = {
  type: "emr.terminate",
  summary: "Ends an EMR cluster and waits until it has ended",
  params: z.strictObject({
    cluster_id: z.string().regex(/^j-[A-Z0-9]+$/, "expected a cluster's id: j- and capital letters and digits"),
  }),
  // The cluster's id is the token, and it never expires: ending an ended cluster does nothing.
  launch: { kind: "token", ttlMs: Number.MAX_SAFE_INTEGER, maxLength: 48 },
  fileFields: [],
} satisfies Omit<OperatorDescriptor, "load">;

export type EmrTerminateParams = z.infer<typeof emrTerminateFacts.params>;
