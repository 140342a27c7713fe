import { overdue, type ApprovalOutput, type ApprovalTerms } from "../../engine/core/approval.ts";
import { parseDuration } from "../../engine/core/duration.ts";
import type { Observation, Observed, Operator } from "../../engine/core/operator.ts";
import { approvalFacts, type ApprovalParams } from "./params.ts";

/** A person's decision reaches the engine as a command; a look only sees that time is up. */
export const approval: Operator<ApprovalParams, ApprovalTerms, ApprovalOutput> = {
  ...approvalFacts,
  batchSize: 1_000,
  submit: async ({ within, ...asked }, context) => {
    const until = within === undefined ? null : context.intentAt + (parseDuration(within) ?? 0);
    const { message, approvers } = asked;
    return { kind: "started", ref: { ...asked, until }, asks: { message, approvers, until } };
  },
  observe: async (jobs) => jobs.map(look),
  cancel: async () => undefined,
};

function look({ ref, context }: Observed<ApprovalTerms>): Observation<ApprovalOutput> {
  const end = overdue(ref, context.now());
  if (end) return end;
  const waits = { kind: "running", detail: "waiting for a decision" } as const;
  return ref.until === null ? waits : { ...waits, pollAfterMs: ref.until - context.now() };
}
