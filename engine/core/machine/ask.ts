import { mailsFor } from "../notify/mails.ts";
import { approvalNews } from "../notify/news.ts";
import type { Question } from "../operator.ts";
import type { DecisionContext } from "./events.ts";
import type { RunDraft } from "./run-draft.ts";

/** Tells everybody who may be waiting to decide, in the flush in which the task begins to wait. */
export function ask(draft: RunDraft, position: number, question: Question, context: DecisionContext): void {
  const { spec } = draft.active.dag.version;
  const { runId, taskNo, mapIndex, tryNumber } = draft.node(position).task;
  const { taskId } = draft.spec(position);
  const { message, approvers, until } = question;
  const facts = { runId, taskNo, mapIndex, taskId, tryNumber, message, until };
  const rules = [...spec.notify, { email: approvers, on: ["approval_needed"] as const }];
  draft.rare.mails.push(...mailsFor(rules, approvalNews({ spec, run: draft.run }, facts, context.now), context));
}
