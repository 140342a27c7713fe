import type { Instant } from "./json.ts";
import type { Observation } from "./operator.ts";

/** The operator's type: who decides about an approval must know one. */
export const APPROVAL = "approval";

/** What an approval waits under; kept as its attempt's reference. */
export type ApprovalTerms = {
  readonly message: string;
  readonly approvers: readonly string[];
  readonly on_reject: "fail" | "skip";
  readonly on_timeout: "fail" | "approve" | "reject";
  /** When nobody's word is waited for any more; null: never. */
  readonly until: Instant | null;
};

export type Verdict = "approved" | "rejected";

/** Somebody's word, or that of the clock. */
export interface Decision {
  readonly decision: Verdict;
  readonly by: string;
  readonly at: Instant;
  readonly note: string | null;
}

export type ApprovalOutput = {
  readonly decision: Verdict;
  readonly by: string;
  readonly at: string;
  readonly note: string | null;
};

/** What a decision makes of the task: it succeeds, it fails, or it succeeds and what follows is skipped. */
export function decided(terms: Pick<ApprovalTerms, "on_reject">, decision: Decision): Observation<ApprovalOutput> {
  const { by, note } = decision;
  const output = { decision: decision.decision, by, at: new Date(decision.at).toISOString(), note };
  if (output.decision === "approved") return { kind: "succeeded", output };
  if (terms.on_reject === "skip") return { kind: "succeeded", output, leads: { stop: "all" } };
  const message = `rejected by ${by}${note === null ? "" : `: ${note}`}`;
  return { kind: "failed", failure: { class: "permanent", code: "APPROVAL_REJECTED", message } };
}

/** What the clock says of an approval; null: it still waits. */
export function overdue(terms: ApprovalTerms, now: Instant): Observation<ApprovalOutput> | null {
  const { until, on_timeout: onTimeout } = terms;
  if (until === null || now < until) return null;
  if (onTimeout === "fail") {
    const message = `nobody decided until ${new Date(until).toISOString()}`;
    return { kind: "failed", failure: { class: "permanent", code: "WAIT_TIMEOUT", message } };
  }
  const decision = onTimeout === "approve" ? "approved" : "rejected";
  return decided(terms, { decision, by: "timeout", at: until, note: null });
}
