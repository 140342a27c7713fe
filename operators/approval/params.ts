import { z } from "zod";
import { APPROVAL } from "../../engine/core/approval.ts";
import { parseDuration } from "../../engine/core/duration.ts";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";

const within = z.string().refine((text) => (parseDuration(text) ?? 0) > 0, "expected a duration such as 4h or 1d");

export const approvalFacts = {
  type: APPROVAL,
  summary: "Waits until a person approves or rejects",
  params: z.strictObject({
    message: z.string().min(1).max(4_000).describe("what people are asked"),
    approvers: z.array(z.email()).max(50).default([]).describe("who gets a mail with a link to decide by"),
    within: within.optional().describe("how long a decision is waited for; absent: for ever"),
    on_timeout: z.enum(["fail", "approve", "reject"]).default("fail").describe("what the end of that time means"),
    on_reject: z
      .enum(["fail", "skip"])
      .default("fail")
      .describe("skip: the task succeeds, and what follows is skipped"),
  }),
  launch: { kind: "sensor" },
  fileFields: [],
} satisfies Omit<OperatorDescriptor, "load">;

export type ApprovalParams = z.infer<typeof approvalFacts.params>;
